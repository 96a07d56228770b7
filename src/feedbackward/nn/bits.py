"""Masks of one bit a value: eight booleans, which are the bytes of one int64, in one byte."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, UInt8
from torch import Tensor

EIGHTH_BITS = 0x8040201008040201 - 2**64
"""Bit 9i for each byte i. Times eight bytes of 0 or 1, the highest byte collects them, the first as its highest bit;
times that byte, bit 7 of each byte i is the one that came from byte i."""
LOWEST_BITS = 0x0101010101010101


def pack_bits(mask: Bool[Tensor, " n"]) -> UInt8[Tensor, " m"]:
    """Eight values a byte; the last one is filled up with zeros."""
    eights = F.pad(mask, (0, -len(mask) % 8)).view(torch.int64)
    return (eights * EIGHTH_BITS).bitwise_right_shift_(56).to(torch.uint8)


def unpack_bits(packed: UInt8[Tensor, " m"], count: int) -> Bool[Tensor, " n"]:
    """The first `count` values that pack_bits has packed."""
    eights = packed.to(torch.int64).mul_(EIGHTH_BITS).bitwise_right_shift_(7).bitwise_and_(LOWEST_BITS)
    return eights.view(torch.bool)[:count]
