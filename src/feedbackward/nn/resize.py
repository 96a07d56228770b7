"""Changes of resolution: always to the size of a tensor that is at hand, never by a factor."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def upsample_like(signal: Float[Tensor, "n c h w"], like: Float[Tensor, "n d i j"]) -> Float[Tensor, "n c i j"]:
    """Upsample to the height and width of `like` by nearest neighbour, the paper's interpolation."""
    return F.interpolate(signal, size=like.shape[-2:], mode="nearest")


def downsample_like(signal: Float[Tensor, "n c h w"], like: Float[Tensor, "n d i j"]) -> Float[Tensor, "n c i j"]:
    """Reduce to the height and width of `like`, each pixel the mean of those that it covers."""
    return F.adaptive_avg_pool2d(signal, like.shape[-2:])


def resize_logits(logits: Float[Tensor, "n classes h w"], size: tuple[int, int]) -> Float[Tensor, "n classes i j"]:
    """Interpolate score maps bilinearly to (height, width), as the paper does for its final scores."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def pad_to_size(image: Float[Tensor, "n c h w"], *, minimum: int, multiple: int) -> Float[Tensor, "n c i j"]:
    """Repeat the last row and column until height and width are at least `minimum` and multiples of `multiple`."""
    height, width = (-(-max(size, minimum) // multiple) * multiple - size for size in image.shape[-2:])
    if height == width == 0:
        return image
    return F.pad(image, (0, width, 0, height), mode="replicate")
