"""Label Studio's run-length code of brushes: rle-pack of thi.ng/umbrella, over the RGBA values of the image.

In bits, the highest first: the number of values (32), the bits of a value less one (5), and four lengths of run
lengths less one (4 each). Then runs: 1 if a value repeats, else 0 (1), which of the four lengths (2), the length of the
run less one, and the value once or each.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OPAQUE = 128
"""Pixels of at least this alpha belong to a brush, whose edges are soft."""


def decode_brush(code: Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """The pixels (height, width) of a brush.

    Args:
        code: The bytes.
        height: The height of the image.
        width: The width of the image.

    Raises:
        ValueError: If the code is truncated, or is for another size.
    """
    bits = _Bits(bytes(code))
    total, value_bits = bits.read(32), bits.read(5) + 1
    length_bits = [bits.read(4) + 1 for _ in range(4)]
    if total != height * width * 4:
        raise ValueError(f"the brush has {total} values; expected {height} x {width} x 4")
    values = np.zeros(total, np.uint32)
    position = 0
    while position < total:
        repeats = bits.read(1)
        end = position + 1 + bits.read(length_bits[bits.read(2)])
        if end > total:
            raise ValueError(f"the brush has more values than the {total} that it announces")
        values[position:end] = (
            bits.read(value_bits) if repeats else [bits.read(value_bits) for _ in range(end - position)]
        )
        position = end
    return np.asarray(values.reshape(height, width, 4)[..., 3] >= OPAQUE, np.bool_)


class _Bits:
    """Numbers of some bits each, read one after the other."""

    def __init__(self, data: bytes) -> None:
        self._text = "".join(f"{byte:08b}" for byte in data)
        self._position = 0

    def read(self, count: int) -> int:
        end = self._position + count
        if end > len(self._text):
            raise ValueError("the brush is truncated")
        number = int(self._text[self._position : end], 2)
        self._position = end
        return number
