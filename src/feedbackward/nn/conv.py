"""The decoder's convolution: unit stride, "same" padding, and a weight shared with the encoder."""

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
    """Convolve with unit stride and keep height and width, as F.conv2d(padding="same") does.

    Where the padding of an axis is odd, the bottom or the right gets the extra row or column.

    Args:
        signal: The decoder signal.
        weight: A weight of the encoder, with or without permuted channel axes.
        bias: Added to the output; only present if a norm was folded into the weight.
        dilation: Dilation of the encoder's convolution, (vertical, horizontal).
        groups: Groups of the encoder's convolution.
    """
    height, width = (d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True))
    if height % 2 == 0 and width % 2 == 0:
        padding = (height // 2, width // 2)
        return F.conv2d(signal, weight, bias, padding=padding, dilation=dilation, groups=groups)
    padded = F.pad(signal, (width // 2, width - width // 2, height // 2, height - height // 2))
    return F.conv2d(padded, weight, bias, dilation=dilation, groups=groups)
