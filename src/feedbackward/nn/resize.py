"""Changes of resolution: always to the size of a tensor that is at hand, never by a factor."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def upsample_like(signal: Float[Tensor, "n c *size"], like: Float[Tensor, "n d *other"]) -> Float[Tensor, "n c *other"]:
    """Upsample to the height and width of `like` by nearest neighbor, the paper's interpolation."""
    return F.interpolate(signal, size=like.shape[2:], mode="nearest")


def downsample_like(signal: Float[Tensor, "n c h w"], like: Float[Tensor, "n d i j"]) -> Float[Tensor, "n c i j"]:
    """Reduce to the height and width of `like`, each pixel the mean of those that it covers."""
    return F.adaptive_avg_pool2d(signal, (like.shape[-2], like.shape[-1]))


def pad_like(signal: Float[Tensor, "*size"], like: Float[Tensor, "*other"]) -> Float[Tensor, "*other"]:
    """Add zeros at the end of each axis up to the shape of `like`."""
    missing = [wanted - found for wanted, found in zip(like.shape, signal.shape, strict=True)]
    return F.pad(signal, [size for end in reversed(missing) for size in (0, end)])


def resize_logits(logits: Float[Tensor, "n classes h w"], size: tuple[int, int]) -> Float[Tensor, "n classes i j"]:
    """Interpolate score maps bilinearly to (height, width), as the paper does for its final scores."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def is_one_size(image: Float[Tensor, "n c h w"]) -> bool:
    """Whether height and width are numbers, and not symbols of a graph that is exported for all sizes."""
    return not torch.compiler.is_exporting() or all(isinstance(length, int) for length in image.shape[-2:])


def pad_to(image: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c i j"]:
    """Repeat the last row and column until height and width are those of `size`, which is no smaller."""
    height, width = (wanted - found for wanted, found in zip(size, image.shape[-2:], strict=True))
    # A graph for all sizes has no branch: in it nothing is added where nothing is missing.
    if is_one_size(image) and height == width == 0:
        return image
    return F.pad(image, (0, width, 0, height), mode="replicate")
