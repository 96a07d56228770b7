"""The cost of a network: parameters by part, and FLOPs at an image size."""

from typing import Any

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

    It is what a second image adds to a batch: weights that are computed once for all images do not count.

    Args:
        network: The network, on the meta device, so that nothing is computed.
        size: Height and width of the image.

    Returns:
        FLOPs; a multiplication with its addition counts as 2.
    """
    return _added(network, _batches(network, size))


def flops_by_part(network: Feedbackward, size: tuple[int, int]) -> dict[str, int]:
    """Like flops, by part; all that are neither the encoder's nor the head's count for the decoder."""
    seen: list[Any] = []
    hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    try:
        total = flops(network, size)
    finally:
        hook.remove()
    encoder = _added(network.encoder, _batches(network, network.sizes.padded(size)))
    head = _added(network.head, seen)
    return {"encoder": encoder, "decoder": total - encoder - head, "head": head}


def _batches(network: SegmentationNetwork, size: tuple[int, int]) -> list[torch.Tensor]:
    """A batch of one image and one of two."""
    return [torch.empty(count, network.config["in_channels"], *size, device="meta") for count in (1, 2)]


def _added(module: nn.Module, batches: list[Any]) -> int:
    """The FLOPs of a batch of two without those of a batch of one."""
    one, two = (_count(module, batch) for batch in batches)
    return two - one


def _count(module: nn.Module, value: Any) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(value)
    return int(counter.get_total_flops())
