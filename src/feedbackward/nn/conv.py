"""The convolution of the way back: unit stride, "same" padding, a weight that belongs to the encoder."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def same_conv2d(
    signal: Float[Tensor, "n in h w"],
    weight: Float[Tensor, "out in_per_group m k"],
    bias: Float[Tensor, " out"] | None = None,
    *,
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Tensor, "n out h w"]:
    """Convolve with unit stride and keep the size; an even kernel is padded by one more at the bottom and right.

    Args:
        signal: The signal on the way back.
        weight: The weight to apply, shared with the encoder.
        bias: Added, where a norm was folded into the weight.
        dilation: The dilation of the encoder's convolution, by axis.
        groups: The groups of the encoder's convolution.
    """
    height, width = (d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True))
    if height % 2 == 0 and width % 2 == 0:
        padding = (height // 2, width // 2)
        return F.conv2d(signal, weight, bias, padding=padding, dilation=dilation, groups=groups)
    padded = F.pad(signal, (width // 2, width - width // 2, height // 2, height - height // 2))
    return F.conv2d(padded, weight, bias, dilation=dilation, groups=groups)
