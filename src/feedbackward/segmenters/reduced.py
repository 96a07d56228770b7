"""Reduced copies of large images and masks on one grid, for the pictures that show them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.bands import Bands
from feedbackward.segmenters.tiles import Size

LONGEST_SIDE = 4096
"""The longer side of the copy of a large image, in pixels."""


def reduced_size(size: Size) -> Size:
    """Height and width of the copy of an image; each pixel of it covers a block of the image.

    Example:
        >>> reduced_size((15000, 20000))
        (3072, 4096)
    """
    factor = min(1.0, LONGEST_SIDE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


class ReducedCopy:
    """Reads an image in bands, and keeps a copy of it: the mean of each block of pixels.

    Args:
        bands: The image.

    Attributes:
        image: The copy (h, w, C), of the image's type, filled as far as the image was read.
    """

    def __init__(self, bands: Bands) -> None:
        self._bands = bands
        height, width = reduced_size((bands.height, bands.width))
        self.image = np.empty((height, width, bands.channels), bands.dtype)
        self._rows, self._columns = _edges(bands.height, height), _edges(bands.width, width)
        self._sum = np.zeros((width, bands.channels))
        self._end = self._done = 0  # rows that were read, and rows of the copy

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Read the rows from `top` to `bottom`, as Bands.read does; none may be left out."""
        rows = self._bands.read(top, bottom)
        for row in rows[self._end - top :]:
            self._sum += np.add.reduceat(row, self._columns[:-1], dtype=np.float64)
            self._end += 1
            if self._end == self._rows[self._done + 1]:
                pixels = (self._end - self._rows[self._done]) * np.diff(self._columns)[:, None]
                mean = self._sum / pixels
                self.image[self._done] = mean if self.image.dtype.kind == "f" else np.rint(mean)
                self._sum[:] = 0
                self._done += 1
        return rows


def reduce_mask(mask: NDArray[Any], size: Size) -> NDArray[Any]:
    """The value at the center of each block of a mask: the mask of a ReducedCopy of that height and width.

    Example:
        >>> reduce_mask(np.arange(12).reshape(2, 6), (1, 2)).tolist()
        [[7, 10]]
    """
    if mask.shape == size:
        return mask
    rows, columns = ((edges[:-1] + edges[1:]) // 2 for edges in map(_edges, mask.shape, size))
    reduced: NDArray[Any] = mask[np.ix_(rows, columns)]
    return reduced


def _edges(length: int, count: int) -> NDArray[np.intp]:
    """The first pixel of each of the blocks into which an axis is divided, and its end."""
    return np.arange(count + 1) * length // count
