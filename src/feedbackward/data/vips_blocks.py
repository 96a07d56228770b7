"""The pixels of a JPEG or PNG from top to bottom, in blocks of rows, by libvips (the extra `large`)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from feedbackward.data.members import File, Member

ROWS = 256  # a multiple of the rows that libvips decodes together: it refuses to go back within them


def read_blocks(path: File, channels: int, dtype: DTypeLike) -> Iterator[NDArray[Any]] | None:
    """Read consecutive rows (rows, width, channels), or return None if libvips is not installed.

    Args:
        path: The file.
        channels: The number of channels that it should have.
        dtype: Their type.
    """
    try:
        import pyvips
    except (ImportError, OSError):  # OSError: pyvips without the library itself
        return None
    if isinstance(path, Member):
        image = pyvips.Image.new_from_buffer(path.read_bytes(), "", access="sequential", fail_on="warning")
    else:
        # libvips keeps images by name: without `revalidate` it would return the pixels of an earlier file
        image = pyvips.Image.new_from_file(str(path), access="sequential", revalidate=True, fail_on="warning")
    if image.bands != channels or image.format != {"uint8": "uchar", "uint16": "ushort"}.get(np.dtype(dtype).name):
        return None
    return (
        image.crop(0, top, image.width, min(ROWS, image.height - top)).numpy().reshape(-1, image.width, channels)
        for top in range(0, image.height, ROWS)
    )
