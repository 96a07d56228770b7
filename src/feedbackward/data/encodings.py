"""How mask files encode classes: as indices or as colors; reading gives train indices, 255 for void."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.files import read_image, read_mask
from feedbackward.data.transforms import VOID
from feedbackward.errors import InputError, listed

MOST_CLASSES = 254
"""Masks are 8 bits: 255 is void, 254 marks values outside the table."""

_UNKNOWN = 254

Color = tuple[int, int, int]


class MaskEncoding(Protocol):
    """Turns a mask file into train indices."""

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Train indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or a pixel stands for no class.
        """
        ...


class IndexEncoding:
    """Masks whose 8-bit values stand for classes.

    Args:
        indices: Train index (or 255 for void) of every value that masks may hold.
        hint: What a user can do about other values; the end of the error's message.
    """

    def __init__(self, indices: Mapping[int, int], *, hint: str) -> None:
        self._lookup = np.full(256, _UNKNOWN, np.uint8)
        for value, index in indices.items():
            self._lookup[value] = index
        self._hint = hint

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Train indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or holds a value that stands for no class.
        """
        return self.encode(read_mask(path), path)

    def encode(self, mask: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        """As read, for a mask uint8 (H, W) that was read from path already."""
        indices = np.take(self._lookup, mask)
        if (indices == _UNKNOWN).any():
            raise InputError(self._unknown(mask, path))
        return indices

    def _unknown(self, mask: NDArray[np.uint8], path: Path) -> str:
        counts = np.bincount(mask.ravel(), minlength=256)
        values = np.flatnonzero(counts).tolist()
        unknown = [value for value in values if self._lookup[value] == _UNKNOWN]
        message = (
            f"{path}: {_counted('value', unknown)} at {counts[unknown].sum()} pixels, outside the class "
            f"table; expected {_ranges(np.flatnonzero(self._lookup != _UNKNOWN).tolist())}. "
        )
        if set(values) <= {0, 255}:
            message += "It holds 0 and 255 alone: a black-and-white picture, not class indices; divide it by 255. "
        return message + self._hint


class ColorEncoding:
    """Masks whose colors stand for classes.

    Args:
        colors: The color of each class, in the order of the indices.
        void: The color that never counts, if any.
        hint: What a user can do about other colors; the end of the error's message.
    """

    def __init__(self, colors: Sequence[Color], *, void: Color | None, hint: str) -> None:
        self._lookup = np.full(1 << 24, _UNKNOWN, np.uint8)
        for index, color in enumerate(colors):
            self._lookup[_pack(np.array(color))] = index
        if void is not None:
            self._lookup[_pack(np.array(void))] = VOID
        self._hint = hint

    def read(self, path: Path) -> NDArray[np.uint8]:
        """Train indices uint8 (H, W), 255 for void.

        Raises:
            InputError: If the file cannot be read, or holds a color that stands for no class.
        """
        packed = _pack(read_image(path))
        indices = np.take(self._lookup, packed)
        unknown = packed[indices == _UNKNOWN]
        if unknown.size:
            colors = [f"({c >> 16}, {c >> 8 & 255}, {c & 255})" for c in np.unique(unknown).tolist()]
            raise InputError(
                f"{path}: {_counted('color', colors)} at {unknown.size} pixels, outside the class table. "
                f"Masks saved as JPEG or resized with smoothing get such colors: save them as PNG, resize "
                f"them with nearest. {self._hint}"
            )
        return indices


def _pack(colors: NDArray[np.generic]) -> NDArray[np.int32]:
    """One integer per color of an array (..., 3)."""
    wide = colors.astype(np.int32)
    packed: NDArray[np.int32] = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return packed


def _counted(noun: str, things: Sequence[object]) -> str:
    return f"{noun}{'s' if len(things) > 1 else ''} {listed(things, most=5)}"


def _ranges(values: list[int]) -> str:
    """Sorted values as text, with runs drawn together: [0, 1, 2, 255] is "0 to 2, 255"."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
