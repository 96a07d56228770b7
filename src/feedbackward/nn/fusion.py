"""The skip: what the encoder saw joins what flows back."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def fuse(signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Add the encoder's own feature to the signal at the same place of the graph (the paper's Section 4)."""
    return signal + feature


def rectify_and_fuse(
    signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"], *, ceiling: float = math.inf
) -> Float[Tensor, "*size"]:
    """fuse(signal.clamp(0, ceiling), feature), of which training keeps one byte a value and not four.

    Args:
        signal: Before a ReLU, or a ReLU6 with ceiling=6.
        feature: The encoder's own feature.
        ceiling: The largest value that the activation gives.
    """
    fused: Tensor = _RectifyAndFuse.apply(signal, feature, ceiling)
    return fused


class _RectifyAndFuse(torch.autograd.Function):
    """Keeps where the signal passes the activation; the activated signal itself is part of the sum alone."""

    @staticmethod
    def forward(ctx: Any, signal: Tensor, feature: Tensor, ceiling: float) -> Tensor:
        ctx.save_for_backward((signal > 0) & (signal < ceiling))
        return signal.clamp(0, ceiling) + feature

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (passes,) = ctx.saved_tensors
        (gradient,) = gradients
        return gradient * passes, gradient, None


def beside(signal: Float[Tensor, "n c h w"], feature: Float[Tensor, "n d h w"]) -> Float[Tensor, "n c+d h w"]:
    """The signal and the encoder's own feature side by side, for a classifier that tells the two apart."""
    return torch.cat((signal, feature), dim=1)


def add_in_place(left: Float[Tensor, "*size"], right: Float[Tensor, "*other"]) -> Float[Tensor, "*size"]:
    """Their sum, in the memory of the left one where it has the sum's shape."""
    return left.add_(right) if left.shape == right.shape else left + right
