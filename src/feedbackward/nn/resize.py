"""Changes of resolution: always to the size of a tensor that is at hand, never by a factor."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def upsample_like(signal: Float[Tensor, "n c h w"], like: Float[Tensor, "n d i j"]) -> Float[Tensor, "n c i j"]:
    """Upsample to the height and width of `like` by nearest neighbour, the paper's interpolation."""
    return F.interpolate(signal, size=like.shape[-2:], mode="nearest")


def resize_logits(logits: Float[Tensor, "n classes h w"], size: tuple[int, int]) -> Float[Tensor, "n classes i j"]:
    """Interpolate score maps bilinearly to (height, width), as the paper does for its final scores."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)


def pad_to_at_least(image: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c i j"]:
    """Repeat the last row and column until height and width are at least `size`; larger images stay as they are."""
    height, width = image.shape[-2:]
    if height >= size and width >= size:
        return image
    return F.pad(image, (0, max(0, size - width), 0, max(0, size - height)), mode="replicate")
