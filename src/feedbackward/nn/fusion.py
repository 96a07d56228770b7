"""Skip connections: how an encoder feature joins the decoder signal."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

EIGHTH_BITS = 0x8040201008040201 - 2**64
"""Bit 9i for each byte i. Multiplied by eight bytes of 0 or 1, it collects them in the highest byte, the first as its
highest bit; multiplied by that byte, it spreads them so that bit 7 of byte i is the value of byte i."""
LOWEST_BITS = 0x0101010101010101


def fuse(signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
    """Add the encoder feature of the same graph node to the signal (Section 4 of the paper)."""
    return signal + feature


def keep_both(signal: Float[Tensor, "n c h w"], feature: Float[Tensor, "n d h w"]) -> tuple[Tensor, Tensor]:
    """Return signal and encoder feature as two parts, which the classifier reads without concatenating them."""
    return signal, feature


def with_coarser(parts: Tensor | tuple[Tensor, ...], *coarser: Tensor) -> tuple[Tensor, ...]:
    """Return the parts of the classifier's input at the output stride, then signals (N, C, H, W) of coarser strides."""
    return (*((parts,) if isinstance(parts, Tensor) else parts), *coarser)


def add_in_place(left: Float[Tensor, "*size"], right: Float[Tensor, "*other"]) -> Float[Tensor, "*sum"]:
    """Add `right` to `left`, in the memory of `left` if the sum has its shape and dtype."""
    fits = left.shape == right.shape and left.dtype == torch.result_type(left, right)
    return left.add_(right) if fits else left + right


def rectify_and_fuse(
    signal: Float[Tensor, "*size"], feature: Float[Tensor, "*size"], *, ceiling: float = math.inf
) -> Float[Tensor, "*size"]:
    """Compute `fuse(signal.clamp(0, ceiling), feature)`, saving one bit per value for autograd instead of the values.

    Args:
        signal: Input of a ReLU, or of a ReLU6 with ceiling=6.
        feature: The encoder feature.
        ceiling: Largest output of the activation.
    """
    fused: Tensor = _RectifyAndFuse.apply(signal, feature, ceiling)
    return fused


class _RectifyAndFuse(torch.autograd.Function):
    """Saves where the activation passes the signal; the activated signal exists only as part of the sum."""

    @staticmethod
    def forward(ctx: Any, signal: Tensor, feature: Tensor, ceiling: float) -> Tensor:
        # Flattening in memory order copies nothing.
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
        original_order = sorted(range(len(ctx.order)), key=ctx.order.__getitem__)
        return gradient * passes.permute(original_order), gradient, None


def pack_bits(mask: Bool[Tensor, " n"]) -> UInt8[Tensor, " m"]:
    """Pack eight booleans into each byte, the first as the highest bit; zeros fill the last byte."""
    eights = F.pad(mask, (0, -len(mask) % 8)).view(torch.int64)
    return (eights * EIGHTH_BITS).bitwise_right_shift_(56).to(torch.uint8)


def unpack_bits(packed: UInt8[Tensor, " m"], count: int) -> Bool[Tensor, " n"]:
    """Unpack the first `count` booleans that `pack_bits` packed."""
    eights = packed.to(torch.int64).mul_(EIGHTH_BITS).bitwise_right_shift_(7).bitwise_and_(LOWEST_BITS)
    return eights.view(torch.bool)[:count]
