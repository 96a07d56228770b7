"""How mask files encode classes, as values or as colors, and decoding them into class indices, 255 for void."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.data.files import read_image
from feedbackward.data.masks import read_mask
from feedbackward.errors import InputError, listed

VOID = 255
"""The value of void in every decoded mask."""

MOST_CLASSES = 254
"""Decoded masks have 8 bits: 255 is void, and 254 marks values outside the class table."""

_UNKNOWN = 254

Color = tuple[int, int, int]


class MaskEncoding(Protocol):
    """Decodes mask files into class indices."""

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Class indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or a pixel does not encode a class.
        """
        ...


@dataclass(frozen=True)
class MaskClasses:
    """The classes of a data set and their encoding in its mask files.

    Args:
        table: The classes; its ignore_index is 255, the void of decoded masks, whatever value the files use.
        encoding: Decodes the mask files.
        ignores_white: Whether masks contain indices and 255 is ignored, so that black-and-white pictures seem valid.
    """

    table: ClassTable
    encoding: MaskEncoding
    ignores_white: bool = False


class IndexEncoding:
    """Masks whose 8-bit values encode classes.

    Args:
        indices: Class index (or 255 for void) of every value that masks may contain.
        hint: What to do about other values; the end of the error message.
    """

    def __init__(self, indices: Mapping[int, int], *, hint: str) -> None:
        self._lookup = np.full(256, _UNKNOWN, np.uint8)
        for value, index in indices.items():
            self._lookup[value] = index
        self._hint = hint

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Class indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or contains a value that does not encode a class.
        """
        return self.encode(read_mask(path), path)

    def encode(self, mask: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        """Class indices uint8 (H, W) of the values of a mask, uint8 (H, W).

        Args:
            mask: Result of read_mask.
            path: Its file, for messages.

        Raises:
            InputError: If it contains a value that does not encode a class.
        """
        indices = np.take(self._lookup, mask)
        if (indices == _UNKNOWN).any():
            raise InputError(self._unknown(mask, path))
        return indices

    def _unknown(self, mask: NDArray[np.uint8], path: Path) -> str:
        counts = np.bincount(mask.ravel(), minlength=256)
        values = np.flatnonzero(counts).tolist()
        unknown = [value for value in values if self._lookup[value] == _UNKNOWN]
        message = (
            f"{path}: {_named('value', unknown)} ({counts[unknown].sum()} of {mask.size} pixels) outside the class "
            f"table; expected {_ranges(np.flatnonzero(self._lookup != _UNKNOWN).tolist())}. "
        )
        if set(values) <= {0, 255}:
            message += "Its only values are 0 and 255: a black-and-white picture, not class indices; divide it by 255. "
        return message + self._hint


class ColorEncoding:
    """Masks whose colors encode classes.

    Args:
        colors: The color of each class, in the order of the indices.
        void: The color of void pixels, if any.
        hint: What to do about other colors; the end of the error message.
    """

    def __init__(self, colors: Sequence[Color], *, void: Color | None, hint: str) -> None:
        self._lookup = np.full(1 << 24, _UNKNOWN, np.uint8)
        for index, color in enumerate(colors):
            self._lookup[_pack(np.array(color))] = index
        if void is not None:
            self._lookup[_pack(np.array(void))] = VOID
        self._hint = hint

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Class indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or contains a color that does not encode a class.
        """
        packed = _pack(read_image(path))
        indices = np.take(self._lookup, packed)
        unknown = packed[indices == _UNKNOWN]
        if unknown.size:
            colors = [f"({c >> 16}, {c >> 8 & 255}, {c & 255})" for c in np.unique(unknown).tolist()]
            raise InputError(
                f"{path}: {_named('color', colors)} ({unknown.size} of {packed.size} pixels) outside the class table. "
                f"Saving masks as JPEG or resizing them with interpolation creates such colors: save them as PNG "
                f"and resize them with nearest neighbor. {self._hint}"
            )
        return indices


def _pack(colors: NDArray[np.generic]) -> NDArray[np.int32]:
    """One integer per color of an array (..., 3)."""
    wide = colors.astype(np.int32)
    packed: NDArray[np.int32] = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return packed


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
