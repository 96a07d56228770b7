"""The classifier at the end of the way back."""

from torch import nn


def create_classifier(channels: int, classes: int, kernel_size: int) -> nn.Module:
    """A 1x1 convolution to the classes, behind a depthwise one where it shall look at more than one pixel.

    Args:
        channels: Of what it reads, (N, channels, H, W).
        classes: Of what it gives, (N, classes, H, W).
        kernel_size: The odd side of the square of pixels that it looks at.
    """
    pointwise = nn.Conv2d(channels, classes, kernel_size=1)
    if kernel_size == 1:
        return pointwise
    depthwise = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels, bias=False)
    return nn.Sequential(depthwise, pointwise)
