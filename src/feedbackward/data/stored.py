"""What an image file says about itself before its pixels are decoded, and the pixels as they are stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from feedbackward.data.members import File
from feedbackward.errors import InputError


@dataclass(frozen=True)
class Layout:
    """The channels of an image file.

    Args:
        channels: Their number, alpha included.
        colors: What they are, or None if the file does not say so.
        alpha: Whether the last one is alpha.
    """

    channels: int
    colors: Literal["gray", "RGB", "CMYK"] | None
    alpha: bool = False

    def __str__(self) -> str:
        colors = f" ({self.colors}{' and alpha' if self.alpha else ''})" if self.colors else ""
        return f"{self.channels} channel{'s' if self.channels > 1 else ''}{colors}"


class StoredImage(Protocol):
    """An open image file.

    Attributes:
        height: Rows as they are stored, before the image is turned upright.
        width: Columns as they are stored.
        dtype: uint8 or uint16 as stored; float32 for every other type.
        layout: The channels.
        orientation: The value of the EXIF tag, 1 to 8; 1 is upright.
        lossy: The name of a compression that can change values; None if there is none.
    """

    height: int
    width: int
    dtype: np.dtype[Any]
    layout: Layout
    orientation: int
    lossy: str | None

    def pixels(self) -> NDArray[Any]:
        """Decode the pixels (height, width, channels), neither upright nor converted."""
        ...

    def values(self) -> NDArray[Any]:
        """Decode the values (height, width, channels) of a mask, as the file stores them, not upright.

        They differ from the pixels in two cases: a palette image has one channel of indices, and gray of 1 to 4 bits
        is not spread over 8.
        """
        ...

    def blocks(self) -> Iterator[NDArray[Any]] | None:
        """Decode the pixels from top to bottom, in blocks (rows, width, channels) that are not held in memory together.

        Returns:
            The blocks, of any numbers of rows, or None if the file has to be decoded as a whole.
        """
        ...

    def is_complete(self) -> bool:
        """Whether the end of the file is there, so that it is not truncated; cheap."""
        ...


def native(dtype: DTypeLike) -> np.dtype[Any]:
    """The type in which pixels of a stored type are read: uint8 and uint16 as they are, others as float32."""
    stored = np.dtype(dtype).newbyteorder("=")
    return stored if stored in (np.uint8, np.uint16) else np.dtype(np.float32)


def to_orientation(value: object, path: File) -> int:
    """The value of the EXIF tag as 1 to 8; 0 is that of cameras that do not know it, and upright.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(value, int) and 0 <= value <= 8:
        return value or 1
    raise InputError(
        f"{path} has the EXIF orientation {value!r}; expected a whole number from 1 to 8: remove the tag, or correct it"
    )


def to_native(pixels: NDArray[Any], path: File) -> NDArray[Any]:
    """Pixels of any stored type as uint8, uint16 or float32, with the same values.

    Raises:
        InputError: If a value is not finite, or is not a float32.
    """
    dtype = native(pixels.dtype)
    if dtype != np.float32:
        return pixels.astype(dtype, copy=False)
    finite = np.isfinite(pixels)
    if not finite.all():
        raise InputError(
            f"{path} contains values that are not numbers ({pixels.size - np.count_nonzero(finite)} of {pixels.size} "
            f"are NaN or infinite); expected finite values: replace them"
        )
    with np.errstate(over="ignore"):  # float64 beyond the range of float32 becomes infinite, and is refused
        converted: NDArray[Any] = pixels.astype(np.float32, copy=False)
    if pixels.dtype.itemsize > 2 and not np.array_equal(converted, pixels):
        raise InputError(
            f"{path} has values of type {pixels.dtype.name} that float32 cannot hold exactly; save it as uint8, "
            f"uint16 or float32"
        )
    return converted
