"""The skip: what the encoder saw joins what flows back."""

import torch
from jaxtyping import Float
from torch import Tensor


def fuse(signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Add the encoder's own feature to the signal at the same place of the graph (the paper's Section 4)."""
    return signal + feature


def beside(signal: Float[Tensor, "n c h w"], feature: Float[Tensor, "n d h w"]) -> Float[Tensor, "n c+d h w"]:
    """The signal and the encoder's own feature side by side, for a classifier that tells the two apart."""
    return torch.cat((signal, feature), dim=1)


def add_in_place(left: Float[Tensor, "*size"], right: Float[Tensor, "*other"]) -> Float[Tensor, "*size"]:
    """Their sum, in the memory of the left one where it has the sum's shape."""
    return left.add_(right) if left.shape == right.shape else left + right
