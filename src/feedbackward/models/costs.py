"""The cost of a network: parameters by part, and FLOPs at an image size."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import SegmentationNetwork


def parameters(network: SegmentationNetwork, *, trainable: bool = False) -> dict[str, int]:
    """The number of parameters of each part; those that a feedbackward decoder shares count for the encoder.

    Args:
        network: The network.
        trainable: Whether to count only trainable parameters.
    """
    return {
        part: sum(weight.numel() for weight in module.parameters() if weight.requires_grad or not trainable)
        for part, module in network.named_children()
    }


def flops(network: SegmentationNetwork, size: tuple[int, int]) -> int:
    """The FLOPs of one image, counting convolutions and matrix products, which are nearly all of them.

    Args:
        network: The network, on the meta device, so that nothing is computed.
        size: Height and width of the image.

    Returns:
        FLOPs; a multiplication with its addition counts as 2.
    """
    return _count(network, torch.empty(1, network.config["in_channels"], *size, device="meta"))


def flops_by_part(network: Feedbackward, size: tuple[int, int]) -> dict[str, int]:
    """Like flops, by part; all that are neither the encoder's nor the head's count for the decoder."""
    seen: list[torch.Tensor] = []
    hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    try:
        total = flops(network, size)
    finally:
        hook.remove()
    image = torch.empty(1, network.config["in_channels"], *network.sizes.padded(size), device="meta")
    encoder, head = _count(network.encoder, image), _count(network.head, seen[0])
    return {"encoder": encoder, "decoder": total - encoder - head, "head": head}


def _count(module: nn.Module, value: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(value)
    return int(counter.get_total_flops())
