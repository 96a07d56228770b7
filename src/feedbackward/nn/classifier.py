"""The classifier at the end of the way back."""

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Parts: TypeAlias = Tensor | tuple[Tensor, ...]
"""What the classifier reads: one tensor, or several that stand side by side."""


class Classifier(nn.Module):
    """A 1x1 convolution to the classes, behind a depthwise one where it shall look at more than one pixel.

    Parts that stand side by side are read where they are, and never copied into one tensor.

    Args:
        channels: Of what it reads, those of all parts together.
        classes: Of what it gives.
        kernel_size: The odd side of the square of pixels that it looks at.
    """

    def __init__(self, channels: int, classes: int, kernel_size: int) -> None:
        super().__init__()
        self.depthwise = (
            nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)
            if kernel_size > 1
            else None
        )
        self.pointwise = nn.Conv2d(channels, classes, kernel_size=1)

    def forward(self, signal: Parts) -> Float[Tensor, "n classes h w"]:
        """Score a signal (N, channels, H, W), or its parts."""
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
    # The exporter to ONNX has no rule for a constant that torch.split takes apart, and says so.
    return [weight.narrow(dim, end - width, width) for width, end in zip(widths, accumulate(widths), strict=True)]
