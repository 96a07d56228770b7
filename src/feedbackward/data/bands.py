"""Large images, read in bands of rows from top to bottom, so that memory stays bounded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.channels import check_channels, select_channels
from feedbackward.data.files import read_image, upright_size
from feedbackward.data.members import File
from feedbackward.data.opening import decoding, open_image_file, open_stored
from feedbackward.data.stored import StoredImage, to_native
from feedbackward.preprocessing import Channels, channel_count

_log = logging.getLogger(__name__)


class Bands:
    """An image that is read from top to bottom; made by open_bands.

    Attributes:
        height: The number of rows.
        width: The number of columns.
        channels: The number of channels.
        dtype: uint8, uint16 or float32.
    """

    def __init__(self, image: StoredImage, path: File, channels: Channels) -> None:
        self.height, self.width = upright_size(image)
        self.channels = channel_count(channels)
        self.dtype = image.dtype
        self._blocks = _blocks(image, path, channels)
        self._rows = np.empty((0, self.width, self.channels), self.dtype)
        self._end = 0  # the row after self._rows

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Read the rows from `top` to `bottom`: those of read_image, (bottom - top, width, channels).

        Args:
            top: The first row, not above that of the call before.
            bottom: The row after the last.

        Raises:
            InputError: If the rows are damaged, or do not have the channels, as read_image.
        """
        while self._end < bottom:
            self._drop(top)
            block = next(self._blocks)
            self._rows = np.concatenate([self._rows, block]) if len(self._rows) else block
            self._end += len(block)
        self._drop(top)
        return self._rows[: bottom - top]

    def _drop(self, top: int) -> None:
        """Drop the rows above a row."""
        passed = top - (self._end - len(self._rows))
        assert passed >= 0, "bands are read from top to bottom"
        self._rows = self._rows[passed:]


@contextmanager
def open_bands(path: File, channels: Channels = "RGB") -> Iterator[Bands]:
    """Open an image to be read in bands, in the memory of a band.

    TIFF is decoded by rows of tiles or strips, JPEG and PNG row by row if libvips is installed (the extra `large`; a
    progressive JPEG and an interlaced PNG take more memory). A warning says if an image has to be decoded as a whole:
    one of another format, rotated by EXIF, CMYK, or a TIFF that is a single strip or tile. libvips does not survive a
    fork: a process that has opened bands must not start others by it.

    Args:
        path: The file.
        channels: As in read_image.

    Raises:
        InputError: As check_image; what only the pixels tell is found while they are read.

    Example:
        >>> with open_bands(Path("mosaic.tif")) as image:  # doctest: +SKIP
        ...     first = image.read(0, 1024)
    """
    with decoding(path):
        file = open_image_file(path)
    with file:
        with decoding(path):
            image = open_stored(file, path)
            check_channels(image.layout, channels, path)
            bands = Bands(image, path, channels)
        yield bands


def _blocks(image: StoredImage, path: File, channels: Channels) -> Iterator[NDArray[Any]]:
    blocks = image.blocks() if image.orientation == 1 else None
    if blocks is None:
        _log.warning(
            "%s is decoded as a whole: of such files only TIFF, JPEG and PNG that are not rotated are read in bands, "
            "the latter two with pip install 'feedbackward[large]'",
            path,
        )
        return (read_image(path, channels) for _ in range(1))
    return _selected(blocks, image, path, channels)


def _selected(
    blocks: Iterator[NDArray[Any]], image: StoredImage, path: File, channels: Channels
) -> Iterator[NDArray[Any]]:
    while True:
        with decoding(path):
            block = next(blocks, None)
        if block is None:
            return
        yield select_channels(to_native(block, path), image.layout, channels, path)
