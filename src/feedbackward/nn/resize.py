"""Resizing and padding to a given size, never by a factor, so that odd sizes need no special case."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def upsample_like(signal: Float[Tensor, "n c *size"], like: Float[Tensor, "n d *other"]) -> Float[Tensor, "n c *other"]:
    """Upsample to the height and width of `like` by nearest-neighbor interpolation, as in the paper."""
    return F.interpolate(signal, size=like.shape[2:], mode="nearest")


def downsample_like(signal: Float[Tensor, "n c h w"], like: Float[Tensor, "n d i j"]) -> Float[Tensor, "n c i j"]:
    """Downsample to the height and width of `like` by averaging the pixels that each output pixel covers."""
    return F.adaptive_avg_pool2d(signal, (like.shape[-2], like.shape[-1]))


def pad_like(signal: Float[Tensor, "*size"], like: Float[Tensor, "*other"]) -> Float[Tensor, "*other"]:
    """Pad with zeros at the end of each axis, to the shape of `like`."""
    missing = [wanted - found for wanted, found in zip(like.shape, signal.shape, strict=True)]
    return F.pad(signal, [size for end in reversed(missing) for size in (0, end)])


def resize_logits(logits: Float[Tensor, "n classes h w"], size: tuple[int, int]) -> Float[Tensor, "n classes i j"]:
    """Resize logits to (height, width) by bilinear interpolation, as the paper does for its final scores."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Coarse:
    """Logits at a network's own resolution.

    Args:
        logits: Logits (N, classes, h, w).
        size: Height and width to which they are interpolated bilinearly. Rows and columns of the result beyond the
            image's own belong to padding.
    """

    logits: Float[Tensor, "n classes h w"]
    size: tuple[int, int]


def is_one_size(image: Float[Tensor, "n c h w"]) -> bool:
    """Whether height and width are integers, rather than the symbolic sizes of an export for any image size."""
    return not torch.compiler.is_exporting() or all(isinstance(length, int) for length in image.shape[-2:])


def pad_to(image: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c i j"]:
    """Pad at the bottom and right to (height, width) `size` by repeating the last row and column.

    Args:
        image: Any image-shaped tensor.
        size: Height and width, no smaller than the image's.
    """
    height, width = (wanted - found for wanted, found in zip(size, image.shape[-2:], strict=True))
    # With symbolic sizes there can be no branch: the graph then pads by zero rows and columns.
    if is_one_size(image) and height == width == 0:
        return image
    return F.pad(image, (0, width, 0, height), mode="replicate")
