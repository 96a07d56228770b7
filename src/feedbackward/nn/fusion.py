"""The skip: what the encoder saw joins what flows back."""

from jaxtyping import Float
from torch import Tensor


def fuse(signal: Float[Tensor, "n c h w"], feature: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Add the encoder's own feature to the signal at the same place of the graph (the paper's Section 4)."""
    return signal + feature
