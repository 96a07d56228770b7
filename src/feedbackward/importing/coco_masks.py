"""Polygons and run-length codes as regions, with the pixels that pycocotools gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError


@dataclass(frozen=True)
class Rings:
    """Polygons of one object, united.

    Args:
        rings: For each polygon x0, y0, x1, y1, ... in pixels, from the upper left corner of the image.
    """

    rings: tuple[NDArray[np.float64], ...]

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """As Region.cover.

        Raises:
            InputError: If pycocotools is not installed.
        """
        try:
            from pycocotools import mask
        except ModuleNotFoundError as error:
            raise InputError("polygons of annotations need pycocotools: pip install 'feedbackward[coco]'") from error
        code = mask.merge(mask.frPyObjects([ring.tolist() for ring in self.rings], height, width))
        # Its own decoder warns with NumPy 2.
        return read_runs({**code, "counts": code["counts"].decode()}, height, width).cover(height, width)


@dataclass(frozen=True)
class Runs:
    """A region in run-length code, inside a box.

    Args:
        counts: The lengths of the runs, of pixels outside and inside in turns; their sum is the area of the box.
        top: The first row of the box.
        left: The first column of the box.
        height: The height of the box.
        width: The width of the box.
        by_columns: Whether runs go down the columns, as in COCO, or along the rows.
    """

    counts: NDArray[np.int64]
    top: int
    left: int
    height: int
    width: int
    by_columns: bool

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """As Region.cover."""
        line = np.repeat(np.arange(len(self.counts)) % 2 == 1, self.counts)
        pixels = line.reshape((self.height, self.width), order="F" if self.by_columns else "C")
        covered = np.zeros((height, width), np.bool_)
        covered[self.top : self.top + self.height, self.left : self.left + self.width] = pixels
        return covered


def read_rings(rings: Sequence[Any], height: int, width: int) -> Rings:
    """Polygons of an image of known size.

    Args:
        rings: For each polygon x0, y0, x1, y1, ... in pixels.
        height: The height of the image.
        width: The width of the image.

    Raises:
        ValueError: If a polygon has fewer than three points, half a point, or a point far outside the image, for which
            pycocotools would take any amount of memory.
    """
    found = []
    for ring in rings:
        points = np.asarray(ring, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError(
                f"a polygon has {points.size} numbers; expected x and y of three or more points, an even number"
            )
        xy = points.reshape(-1, 2)
        # Written so that nan is refused, too.
        if not ((xy >= (-width, -height)) & (xy <= (2 * width, 2 * height))).all():
            raise ValueError(f"a polygon has points far outside the image of {width} x {height} pixels")
        found.append(points)
    return Rings(tuple(found))


def read_runs(code: dict[str, Any], height: int, width: int) -> Runs:
    """A region in COCO's run-length code of an image of known size.

    Args:
        code: `size` (height, width) and `counts`: the lengths of the runs, or text in COCO's compressed form.
        height: The height of the image.
        width: The width of the image.

    Raises:
        ValueError: If the code is for another size, or is damaged: pycocotools would leave pixels undefined.
    """
    if list(code["size"]) != [height, width]:
        raise ValueError(f"the run-length code is for size {code['size']}, and the image has size {[height, width]}")
    counts = code["counts"]
    numbers = _expand(counts) if isinstance(counts, str) else counts
    return Runs(check_counts(numbers, height * width), 0, 0, height, width, by_columns=True)


def encode_runs(covered: NDArray[np.bool_], top: int = 0, left: int = 0) -> Runs:
    """Pixels (height, width) in run-length code, which takes less memory.

    Args:
        covered: The pixels of a box.
        top: The first row of the box.
        left: The first column of the box.
    """
    edges = np.flatnonzero(np.diff(covered.ravel(), prepend=False))
    counts = np.diff(edges, prepend=0, append=covered.size)
    height, width = covered.shape
    return Runs(counts, top, left, height, width, by_columns=False)


def check_counts(counts: Sequence[int], area: int) -> NDArray[np.int64]:
    """The lengths of runs as an array.

    Raises:
        ValueError: If a length is negative, or they do not add up to the area.
    """
    numbers = np.asarray(counts, np.int64)
    if numbers.ndim != 1 or (numbers < 0).any() or (numbers > area).any() or numbers.sum() != area:
        raise ValueError(f"the run-length code has not {area} pixels; expected the lengths of runs that add up to it")
    return numbers


def _expand(text: str) -> list[int]:
    """The counts in COCO's compressed form: six bits a character, the lowest first, from the third on differences."""
    counts: list[int] = []
    number = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"the run-length code has the character {letter!r}")
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << shift
        counts.append(number + counts[-2] if len(counts) > 2 else number)
        number = shift = 0
    if shift:
        raise ValueError("the run-length code is truncated")
    return counts
