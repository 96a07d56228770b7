"""The segmentation head: a small classifier on the decoder's output."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Parts: TypeAlias = Tensor | tuple[Tensor, ...]
"""Input of the classifier: one tensor (N, C, H, W), or several that it treats as concatenated along their channels."""


class Classifier(nn.Module):
    """A 1x1 convolution to the classes, preceded by a depthwise convolution if kernel_size > 1.

    The logits of several input parts are those of their concatenation, but the parts are never copied.

    Args:
        channels: Input channels, summed over all parts.
        classes: Output channels.
        kernel_size: Odd kernel size of the depthwise convolution; 1 for none.
    """

    def __init__(self, channels: int, *, classes: int, kernel_size: int) -> None:
        super().__init__()
        self.depthwise = (
            nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)
            if kernel_size > 1
            else None
        )
        self.pointwise = nn.Conv2d(channels, classes, kernel_size=1)

    def forward(self, signal: Parts) -> Float[Tensor, "n classes h w"]:
        """Compute the logits of a signal (N, channels, H, W) or of its parts."""
        parts = (signal,) if isinstance(signal, Tensor) else signal
        widths = [part.shape[1] for part in parts]
        if self.depthwise is not None:
            weights = _split(self.depthwise.weight, widths, dim=0)
            padding = self.depthwise.kernel_size[0] // 2
            parts = tuple(
                F.conv2d(part, weight, padding=padding, groups=width)
                for part, weight, width in zip(parts, weights, widths, strict=True)
            )
        first, *others = zip(parts, _split(self.pointwise.weight, widths, dim=1), strict=True)
        return sum((F.conv2d(*other) for other in others), start=F.conv2d(*first, self.pointwise.bias))


def _split(weight: Tensor, widths: Sequence[int], *, dim: int) -> list[Tensor]:
    # torch.onnx does not support torch.split of a constant and would warn.
    return [weight.narrow(dim, end - width, width) for width, end in zip(widths, accumulate(widths), strict=True)]
