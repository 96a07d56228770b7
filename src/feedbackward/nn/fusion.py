"""The skip: what the encoder saw joins what flows back."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from feedbackward.nn.bits import pack_bits, unpack_bits


def fuse(signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Add the encoder's own feature to the signal at the same place of the graph (the paper's Section 4)."""
    return signal + feature


def rectify_and_fuse(
    signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"], *, ceiling: float = math.inf
) -> Float[Tensor, "*size"]:
    """fuse(signal.clamp(0, ceiling), feature), of which training keeps one bit a value and not 32.

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
        # Flattened in the order of its memory, nothing is moved.
        ctx.order = sorted(range(signal.dim()), key=signal.stride().__getitem__, reverse=True)
        passes = signal > 0 if ceiling == math.inf else (signal > 0) & (signal < ceiling)
        passes = passes.permute(ctx.order)
        ctx.size = passes.shape
        ctx.save_for_backward(pack_bits(passes.flatten()))
        return add_in_place(signal.clamp(0, ceiling), feature)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (packed,) = ctx.saved_tensors
        (gradient,) = gradients
        passes = unpack_bits(packed, math.prod(ctx.size)).view(ctx.size)
        in_place = sorted(range(len(ctx.order)), key=ctx.order.__getitem__)
        return gradient * passes.permute(in_place), gradient, None


def beside(signal: Float[Tensor, "n c h w"], feature: Float[Tensor, "n d h w"]) -> tuple[Tensor, Tensor]:
    """The signal and the encoder's own feature side by side, for a classifier that tells the two apart."""
    return signal, feature


def add_in_place(left: Float[Tensor, "*size"], right: Float[Tensor, "*other"]) -> Float[Tensor, "*size"]:
    """Their sum, in the memory of the left one where it has the sum's shape and precision."""
    fits = left.shape == right.shape and left.dtype == torch.result_type(left, right)
    return left.add_(right) if fits else left + right
