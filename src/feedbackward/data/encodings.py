"""How mask files encode classes, as values or as colors, and decoding them into class indices by lookup tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import LARGEST_VALUE, ClassTable, void_index
from feedbackward.data.masks import Mask, read_mask, read_mask_colors
from feedbackward.data.members import File
from feedbackward.errors import InputError, listed

MOST_CLASSES = LARGEST_VALUE - 1
"""Decoded masks have at most 16 bits: the largest index is void, and the one below marks unknown values."""

Color = tuple[int, int, int]


class MaskEncoding(Protocol):
    """Decodes mask files into class indices.

    Attributes:
        digest: A hash of what the files' values become; encodings that decode alike have the same one.
    """

    digest: str

    def read(self, path: File) -> Mask:
        """Class indices (H, W), uint8 with 255 for void; for more than 254 classes uint16 with 65535 for void.

        For classes that overlap it has a layer for each, (classes, H, W), see LayerEncoding.

        Raises:
            InputError: If the file cannot be read, or a pixel does not encode a class.
        """
        ...

    def files(self, path: File) -> tuple[File, ...]:
        """The files that read(path) reads."""
        ...

    def index(self, code: int) -> int | None:
        """The class index of a value or packed color, the index of void for ignored ones, and None for others."""
        ...


@dataclass(frozen=True)
class MaskClasses:
    """The classes of a data set and their encoding in its mask files.

    Args:
        table: The classes; its ignore_index is void in decoded masks.
        encoding: Decodes the mask files.
        predictions: Decodes predictions, which may contain the table's void_value too.
        ignores_white: Whether masks contain values and 255 is ignored, so that black-and-white pictures seem valid.
    """

    table: ClassTable
    encoding: MaskEncoding
    predictions: MaskEncoding
    ignores_white: bool = False


class IndexEncoding:
    """Masks whose values encode classes.

    Args:
        indices: Class index of each value.
        ignored: The values of void.
        hint: What to do about other values; the end of the error message.
    """

    def __init__(self, indices: Mapping[int, int], *, ignored: Iterable[int] = (), hint: str) -> None:
        self._lookup = _lookup_table(LARGEST_VALUE + 1, indices, ignored)
        self.digest = blake2b(self._lookup.tobytes(), digest_size=16).hexdigest()
        self._hint = hint

    def read(self, path: File) -> Mask:
        """Class indices (H, W), as MaskEncoding.read.

        Raises:
            InputError: If the file cannot be read, or contains a value that does not encode a class.
        """
        return self.encode(read_mask(path), path)

    def encode(self, mask: Mask, path: File) -> Mask:
        """Class indices (H, W) of the values of a mask (H, W).

        Args:
            mask: Result of read_mask.
            path: Its file, for messages.

        Raises:
            InputError: If it contains a value that does not encode a class.
        """
        indices = np.take(self._lookup, mask)
        if (indices == _unknown(self._lookup)).any():
            raise InputError(self._message(mask, path))
        return indices

    def files(self, path: File) -> tuple[File, ...]:
        """The file itself."""
        return (path,)

    def index(self, code: int) -> int | None:
        """As MaskEncoding.index."""
        return _known(self._lookup, code)

    def _message(self, mask: Mask, path: File) -> str:
        values, counts = np.unique(mask, return_counts=True)
        known = self._lookup != _unknown(self._lookup)
        message = (
            f"{path}: {_named('value', values[~known[values]].tolist())} ({counts[~known[values]].sum()} of "
            f"{mask.size} pixels) outside the class table; expected {_ranges(np.flatnonzero(known).tolist())}. "
        )
        if set(values.tolist()) <= {0, 255}:
            message += "Its only values are 0 and 255: a black-and-white picture, not class indices; divide it by 255. "
        return message + self._hint


class ColorEncoding:
    """Masks whose colors encode classes.

    Args:
        indices: Class index of each color.
        ignored: The colors of void.
        hint: What to do about other colors; the end of the error message.
    """

    def __init__(self, indices: Mapping[Color, int], *, ignored: Iterable[Color] = (), hint: str) -> None:
        packed = {_packed(color): index for color, index in indices.items()}
        void = sorted(map(_packed, ignored))
        self._lookup = _lookup_table(1 << 24, packed, void)
        self.digest = blake2b(repr((sorted(packed.items()), void)).encode(), digest_size=16).hexdigest()
        self._hint = hint

    def read(self, path: File) -> Mask:
        """Class indices (H, W), as MaskEncoding.read.

        Raises:
            InputError: If the file cannot be read, or contains a color that does not encode a class.
        """
        packed = pack(read_mask_colors(path))
        indices = np.take(self._lookup, packed)
        unknown = packed[indices == _unknown(self._lookup)]
        if unknown.size:
            names = [str(unpack(code)) for code in np.unique(unknown).tolist()]
            raise InputError(
                f"{path}: {_named('color', names)} ({unknown.size} of {packed.size} pixels) outside the class table. "
                f"Saving masks as JPEG or resizing them with interpolation creates such colors: save them as PNG "
                f"and resize them with nearest neighbor. {self._hint}"
            )
        return indices

    def files(self, path: File) -> tuple[File, ...]:
        """The file itself."""
        return (path,)

    def index(self, code: int) -> int | None:
        """As MaskEncoding.index."""
        return _known(self._lookup, code)


def pack(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colors (..., 3) as numbers: 65536 * red + 256 * green + blue."""
    red, green, blue = (colors[..., channel].astype(np.int32) for channel in range(3))
    packed: NDArray[np.int32] = red << 16 | green << 8 | blue
    return packed


def unpack(code: int) -> Color:
    """The color of a number.

    Example:
        >>> unpack(0xFF8000)
        (255, 128, 0)
    """
    return code >> 16, code >> 8 & 255, code & 255


def _packed(color: Color) -> int:
    return int(pack(np.array(color, np.uint8)))


def _known(lookup: Mask, code: int) -> int | None:
    index = int(lookup[code]) if code < len(lookup) else None
    return None if index == _unknown(lookup) else index


def _lookup_table(size: int, indices: Mapping[int, int], ignored: Iterable[int]) -> Mask:
    """The class index of every code from 0 to size - 1."""
    void = void_index(max(indices.values()) + 1)
    table = np.full(size, void - 1, np.uint8 if void == 255 else np.uint16)
    table[list(indices)] = list(indices.values())
    table[list(ignored)] = void
    return table


def _unknown(lookup: Mask) -> int:
    return np.iinfo(lookup.dtype).max - 1


def _named(noun: str, things: Sequence[object]) -> str:
    return f"{noun}{'s' if len(things) > 1 else ''} {listed(things, most=5)}"


def _ranges(values: list[int]) -> str:
    """Sorted values as text, runs as ranges: [0, 1, 2, 255] becomes "0 to 2, 255"."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
