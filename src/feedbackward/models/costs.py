"""What a feedbackward network costs, by part: parameters, and floating-point operations at a size."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from feedbackward.models.feedbackward import Feedbackward

PARTS = ("encoder", "way back", "head")


def parameters(network: Feedbackward, *, trainable: bool = False) -> dict[str, int]:
    """The parameters of each part; the way back has only its norms, since its weights are the encoder's.

    Args:
        network: The network.
        trainable: Whether only those that train are counted.
    """
    modules = (network.encoder, network.decoder, network.head)
    return {
        part: sum(weight.numel() for weight in module.parameters() if weight.requires_grad or not trainable)
        for part, module in zip(PARTS, modules, strict=True)
    }


def flops(network: Feedbackward, size: tuple[int, int]) -> dict[str, int]:
    """What one image costs by part: convolutions and matrix products count, all else is little beside them.

    Args:
        network: On the meta device, so that nothing is computed.
        size: Height and width of the image.

    Returns:
        Floating-point operations; a multiplication with its addition counts as 2.
    """
    image = torch.empty(1, network.config["in_channels"], *network.sizes.padded(size), device="meta")
    seen: list[torch.Tensor] = []
    hook = network.head.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    try:
        total = _count(network, image)
    finally:
        hook.remove()
    encoder, head = _count(network.encoder, image), _count(network.head, seen[0])
    return dict(zip(PARTS, (encoder, total - encoder - head, head), strict=True))


def _count(module: nn.Module, value: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(value)
    return int(counter.get_total_flops())
