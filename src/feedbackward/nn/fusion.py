"""The skip: what the encoder saw joins what flows back."""

from jaxtyping import Float
from torch import Tensor


def fuse(signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Add the encoder's own feature to the signal at the same place of the graph (the paper's Section 4)."""
    return signal + feature


def add_in_place(left: Float[Tensor, "*size"], right: Float[Tensor, "*other"]) -> Float[Tensor, "*size"]:
    """Their sum, in the memory of the left one where it has the sum's shape."""
    return left.add_(right) if left.shape == right.shape else left + right
