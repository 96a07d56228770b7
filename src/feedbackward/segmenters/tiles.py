"""The tiles into which a large image is divided, and their weights."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

GRID = 64
"""Tiles start at multiples of it, which the strides of encoders divide: their features are then those of the image."""


@dataclass(frozen=True)
class Tiles:
    """How large images are divided.

    Args:
        size: Height and width of a tile. An image with no more pixels than a tile is a single tile.
        overlap: Pixels by which neighboring tiles overlap at least. Their logits are blended over the middle half; what
            lies closer to a tile's edge is left to its neighbor, since the network sees less around it there.

    Raises:
        InputError: If a side is below 128, or the overlap is negative or above half of a side.

    Example:
        >>> Tiles((512, 512), overlap=64).size_for((300, 800))
        (300, 800)
    """

    size: Size = (1024, 2048)
    overlap: int = 128

    def __post_init__(self) -> None:
        if min(self.size) < 2 * GRID:
            raise InputError(
                f"tiles of {self.size[0]}x{self.size[1]} are too small; expected height and width of {2 * GRID} or more"
            )
        if not 0 <= 2 * self.overlap <= min(self.size):
            raise InputError(
                f"tiles of {self.size[0]}x{self.size[1]} cannot overlap by {self.overlap} pixels; expected 0 to "
                f"{min(self.size) // 2}"
            )

    def size_for(self, size: Size) -> Size:
        """The largest tile of an image of that height and width."""
        return size if math.prod(size) <= math.prod(self.size) else self.size


@dataclass(frozen=True)
class Span:
    """The rows or columns of a tile.

    Args:
        start: The first pixel.
        stop: The pixel after the last.
        weights: The weight of each pixel. The weights of all tiles at a pixel sum to 1.
    """

    start: int
    stop: int
    weights: NDArray[np.float64]


def grid(size: Size, *, tiles: Tiles, padded_size: Callable[[Size], Size]) -> tuple[list[Span], list[Span]]:
    """The rows and the columns of tiles into which an image is divided.

    Args:
        size: Height and width of the image.
        tiles: How it is divided.
        padded_size: The segmenter's.

    Example:
        >>> [len(spans) for spans in grid((1000, 3000), tiles=Tiles(), padded_size=lambda size: size)]
        [1, 2]
    """
    largest, smallest = padded_size(tiles.size_for(size)), padded_size((1, 1))
    rows, columns = (
        divide(size[axis], largest[axis], overlap=tiles.overlap, smallest=smallest[axis]) for axis in (0, 1)
    )
    return rows, columns


def divide(length: int, tile: int, *, overlap: int, smallest: int = 1) -> list[Span]:
    """Divide an axis of an image into tiles of nearly the same length.

    Args:
        length: Pixels of the image.
        tile: Pixels of the largest tile.
        overlap: Pixels by which neighbors overlap at least; half a tile at most.
        smallest: Pixels of the smallest tile, unless the image has fewer.

    Example:
        >>> [(span.start, span.stop) for span in divide(1000, 512, overlap=128)]
        [(0, 448), (320, 768), (640, 1000)]
    """
    overlap = min(overlap, tile // 2)
    # The tiles of a file for small images may leave no room for a step on the grid.
    step = (tile - overlap) // GRID * GRID or tile - overlap
    count = max(1, math.ceil((length - tile) / step) + 1)
    overlap = tile - step
    step = min(step, math.ceil((length - overlap) / count / GRID) * GRID)
    ends = []
    for start in (index * step for index in range(count)):
        stop = min(start + max(step + overlap, smallest), length)
        ends.append((max(0, min(start, stop - smallest)), stop))
    return [Span(*end, weights) for end, weights in zip(ends, _weights(ends), strict=True)]


def _weights(ends: list[tuple[int, int]]) -> list[NDArray[np.float64]]:
    """A window for each tile: 0 in the outer quarter of an overlap, 1 in the inner one, normalized to a sum of 1."""
    overlap = min((left[1] - right[0] for left, right in pairwise(ends)), default=0)
    total = np.zeros(ends[-1][1])
    windows = []
    for index, (start, stop) in enumerate(ends):
        inside = np.arange(stop - start) + 0.5
        before = inside if index else np.inf
        after = inside[::-1] if index < len(ends) - 1 else np.inf
        part = np.clip((np.minimum(before, after) - overlap / 4) / max(overlap / 2, 0.5), 0, 1) * np.ones(stop - start)
        windows.append(part**2 * (3 - 2 * part))
        total[start:stop] += windows[-1]
    return [window / total[start:stop] for window, (start, stop) in zip(windows, ends, strict=True)]
