"""Reading images: the channels that a network takes, at the file's own depth, with errors that name the remedy."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.channels import check_channels, is_certain, select_channels
from feedbackward.data.members import File, file_size
from feedbackward.data.opening import opened
from feedbackward.data.stored import StoredImage, to_native
from feedbackward.errors import InputError
from feedbackward.preprocessing import Channels, Range, check_values, holds_all

SAFE_SIZE = 1 << 30
"""Images whose pixels take at most so many bytes are decoded, however small their files are."""
MOST_TIMES = 500
"""Larger images take at most so many times the bytes of their files: deflate reaches 1032, masks rarely 300."""


def read_image(path: File, channels: Channels = "RGB") -> NDArray[Any]:
    """Read an image, upright, with the channels that a network takes and the values that the file contains.

    Conversions are lossless: gray is repeated for RGB, RGB whose channels are equal becomes gray, alpha is left out
    where all pixels are opaque, palettes become colors. Only CMYK, which has no exact counterpart, is converted to RGB
    by a formula.

    Args:
        path: A file in JPEG, PNG, TIFF, WebP, BMP, GIF or JPEG 2000; its content tells the format.
        channels: "RGB", "gray", or the number of channels that the file must have, alpha included; "BGR" is read as
            RGB.

    Returns:
        (H, W, C): uint8 or uint16 as stored; float32 for every other type of values.

    Raises:
        InputError: If the file is missing, truncated, damaged or not a single image, if its channels cannot become
            those without loss, if float32 cannot hold its values, or if its pixels fill half of the machine's memory.

    Example:
        >>> read_image(Path("street.jpg")).shape  # doctest: +SKIP
        (1080, 1920, 3)
    """
    with opened(path) as image:
        return decode_image(image, path, channels)


def decode_image(image: StoredImage, path: File, channels: Channels) -> NDArray[Any]:
    """Decode an open file; arguments, result and errors are those of read_image."""
    check_channels(image.layout, channels, path)
    refuse_too_large(image, path)
    pixels = select_channels(to_native(image.pixels(), path), image.layout, channels, path)
    return upright(pixels, image.orientation)


def check_image(path: File, channels: Channels = "RGB", value_range: Range | None = None) -> tuple[int, int]:
    """Height and width of an image, from its header where that is enough to tell that it can be read and scaled.

    A file with an intact end, without alpha and floats, is not decoded if the range holds all values of its type:
    damage in its middle is found when it is read.

    Args:
        path: As in read_image.
        channels: As in read_image.
        value_range: The values that become 0 and 1, as in to_unit_range.

    Raises:
        InputError: As read_image and to_unit_range, except for such damage, and for an image that is too large for the
            memory.
    """
    with opened(path) as image:
        check_channels(image.layout, channels, path)
        complete = image.is_complete()
    if not complete or not is_certain(image.layout, channels) or not holds_all(value_range, image.dtype):
        pixels = read_image(path, channels)
        try:
            check_values(pixels, value_range)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return upright_size(image)


def image_size(path: File) -> tuple[int, int]:
    """Height and width of an image, upright, from its header.

    Raises:
        InputError: If the file is missing or not a single image.
    """
    with opened(path) as image:
        return upright_size(image)


def upright_size(image: StoredImage) -> tuple[int, int]:
    """Height and width of an image once it is turned upright."""
    return (image.height, image.width) if image.orientation < 5 else (image.width, image.height)


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels (H, W, C) as the EXIF orientation says, 1 to 8; 5 to 8 swap height and width."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def refuse_too_large(image: StoredImage, path: File) -> None:
    """Refuse, by its header, an image that the machine cannot decode as a whole.

    Raises:
        InputError: If its pixels fill half of the machine's memory, or as refuse_bomb.
    """
    refuse_bomb(image, path)
    size = _size(image)
    if size > _memory() // 2:
        raise InputError(
            f"{path} is {image.height}x{image.width} (height x width), {size / 2**30:.1f} GiB of pixels; expected at "
            f"most half of this machine's memory of {_memory() / 2**30:.1f} GiB: split it into tiles"
        )


def refuse_bomb(image: StoredImage, path: File) -> None:
    """Refuse, by its header, a small file that says that its image is huge.

    Raises:
        InputError: If its pixels fill more than SAFE_SIZE, and MOST_TIMES as much as the file.
    """
    size, stored = _size(image), file_size(path)
    if size > SAFE_SIZE and size > MOST_TIMES * stored:
        raise InputError(
            f"{path} is {image.height}x{image.width} (height x width), {size / 2**30:.1f} GiB of pixels in a file of "
            f"{stored / 2**20:.2f} MiB, like a decompression bomb; expected at most {MOST_TIMES} times as much as the "
            f"file: split it into tiles if it is genuine"
        )


def _size(image: StoredImage) -> int:
    """The bytes of the pixels."""
    return image.height * image.width * image.layout.channels * image.dtype.itemsize


def _memory() -> int:
    """The machine's memory in bytes; beyond all bounds where the system does not tell."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return 1 << 63
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
