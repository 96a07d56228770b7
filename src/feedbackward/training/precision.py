"""The precision of a training where none is given."""

import torch
from torch import nn

BFLOAT16 = "bf16-mixed"
LARGE = 10_000_000
"""Weights of an encoder's convolutions from which bfloat16 pays: resnet18, the smallest encoder with a measured gain,
has 11 million."""


def is_faster_in_bfloat16(network: nn.Module) -> bool:
    """Whether training steps on this processor are at least 1.5 times as fast in bfloat16 (docs/performance.md).

    They are where the processor has instructions for it and a large encoder has no depthwise or grouped convolutions,
    which gain nothing.

    Args:
        network: The network.
    """
    if not torch.cpu._is_avx512_bf16_supported():
        return False
    encoder = getattr(network, "encoder", network)
    convolutions = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    weights = sum(convolution.weight.numel() for convolution in convolutions)
    return weights >= LARGE and all(convolution.groups == 1 for convolution in convolutions)
