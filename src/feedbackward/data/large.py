"""Images that are too large to be held in memory: only their headers are read until bands of rows are needed."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from feedbackward.data.bands import Bands, open_bands
from feedbackward.data.channels import check_channels
from feedbackward.data.files import decode_image, refuse_bomb, upright_size
from feedbackward.data.members import File
from feedbackward.data.opening import opened
from feedbackward.preprocessing import Channels

LARGE = 100.0
"""The megapixels above which an image is large, unless the user says otherwise."""


@dataclass(frozen=True)
class LargeImage:
    """An image whose pixels are read in bands.

    Args:
        path: The file.
        channels: As in read_image.
        size: Height and width, upright.
    """

    path: File
    channels: Channels
    size: tuple[int, int]

    def open(self) -> AbstractContextManager[Bands]:
        """Open the file to be read in bands; arguments and errors are those of open_bands."""
        return open_bands(self.path, self.channels)


def read_unless_large(path: File, channels: Channels, megapixels: float = LARGE) -> NDArray[Any] | LargeImage:
    """Read an image as read_image does, unless it is large.

    Args:
        path: The file.
        channels: As in read_image.
        megapixels: An image of more pixels, in millions, is large.

    Raises:
        InputError: As read_image; for a large image, if its header tells.

    Example:
        >>> read_unless_large(Path("mosaic.tif"), "RGB").size  # doctest: +SKIP
        (15000, 20000)
    """
    with opened(path) as image:
        check_channels(image.layout, channels, path)
        if image.height * image.width > megapixels * 1e6:
            refuse_bomb(image, path)
            return LargeImage(path, channels, upright_size(image))
        return decode_image(image, path, channels)
