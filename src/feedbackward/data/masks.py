"""Reading masks and instance maps with the values that their files store, with errors that name the remedy."""

from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import LARGEST_VALUE
from feedbackward.data.channels import count_transparent
from feedbackward.data.files import refuse_too_large, upright
from feedbackward.data.members import File
from feedbackward.data.opening import opened
from feedbackward.data.stored import StoredImage
from feedbackward.errors import InputError, listed

Mask: TypeAlias = NDArray[np.uint8 | np.uint16]
"""Values or class indices (H, W)."""

_COLORS_HINT = (
    "Save the indices themselves, or, if the colors encode classes, set 'masks: colors' in a class file and use the "
    "data set folder"
)


def read_mask(path: File, *, hint: str = _COLORS_HINT) -> Mask:
    """The values of a mask (H, W), upright; for a palette image the indices, not the colors.

    Values are those that the file stores: a gray image of 1, 2, 4 or 8 bits is uint8, one of 16 bits uint16. An image
    of three equal channels is gray. Alpha is ignored if all pixels are opaque.

    Args:
        path: A file in PNG, TIFF, BMP, GIF or lossless WebP.
        hint: What to do about a mask of colors; the end of the error message.

    Raises:
        InputError: If the file is missing, truncated or not an image, is compressed with loss, has transparent pixels,
            has colors, or values that are not whole numbers from 0 to 65535.
    """
    codes = read_mask_codes(path)
    if codes.ndim == 3:
        _refuse_colors(codes, path, hint)
    return codes


def read_mask_codes(path: File) -> NDArray[np.uint8 | np.uint16]:
    """The values of a mask (H, W) as read_mask returns them, or its colors (H, W, 3) if any channels differ.

    Raises:
        InputError: As read_mask, but not for colors.
    """
    with opened(path) as image:
        _check(image, path)
        pixels = upright(_opaque(image.values(), image, path), image.orientation)
    if pixels.shape[2] > 1 and (pixels[..., 1:] != pixels[..., :1]).any():
        return _whole(pixels, path)
    return _whole(np.ascontiguousarray(pixels[..., 0]), path)


def read_mask_colors(path: File) -> NDArray[np.uint8]:
    """The colors of a mask (H, W, 3), upright; gray and palette images are converted.

    Raises:
        InputError: As read_mask, or if the mask has more than 8 bits per channel.
    """
    with opened(path) as image:
        _check(image, path)
        if image.dtype != np.uint8:
            raise InputError(f"{path} has more than 8 bits per channel; expected 8-bit colors (masks: colors)")
        pixels = _opaque(image.pixels(), image, path)
    colors = upright(pixels, image.orientation)
    return np.broadcast_to(colors, (*colors.shape[:2], 3))


def read_instance_ids(path: File) -> NDArray[np.int32]:
    """The values of a 16-bit instance map as int32 (H, W).

    Raises:
        InputError: If the file is missing, truncated or not an image of one 16-bit channel.
    """
    ids = read_mask(path, hint="Copy the original again")
    if ids.dtype != np.uint16:
        raise InputError(
            f"{path} is not a 16-bit instance map (8 bits); expected one 16-bit channel of label id * 1000 + number. "
            f"Maps converted to 8 bits have lost their classes: copy the original again"
        )
    return ids.astype(np.int32)


def _check(image: StoredImage, path: File) -> None:
    """Refuse a mask by its header."""
    if image.lossy:
        raise InputError(
            f"{path} is compressed with {image.lossy}, which can change the values of pixels; expected a lossless "
            f"format: export the masks again, as PNG (converting this file keeps the changed values)"
        )
    if image.layout.channels - image.layout.alpha not in (1, 3):
        raise InputError(f"{path} has {image.layout}; expected one channel of values, or RGB: save the mask as gray")
    refuse_too_large(image, path)


def _opaque(pixels: NDArray[Any], image: StoredImage, path: File) -> NDArray[Any]:
    """The channels (height, width, 1 or 3) without alpha; the indices of a palette have none."""
    if not image.layout.alpha or pixels.shape[2] < image.layout.channels:
        return pixels
    if transparent := count_transparent(pixels):
        raise InputError(
            f"{path} is transparent in {transparent} of {pixels[..., -1].size} pixels; alpha is ignored only if all "
            f"pixels are opaque: give those pixels a value or color of their own and save without alpha"
        )
    return pixels[..., :-1]


def _refuse_colors(pixels: NDArray[Any], path: File, hint: str) -> NoReturn:
    colored = (pixels[..., 1:] != pixels[..., :1]).any(axis=-1)
    colors = [f"({', '.join(map(str, color))})" for color in np.unique(pixels[colored], axis=0).tolist()]
    raise InputError(
        f"{path} has colors, such as {listed(colors, most=3)} ({np.count_nonzero(colored)} of {colored.size} "
        f"pixels); expected one channel of class indices. {hint}"
    )


def _whole(values: NDArray[Any], path: File) -> Mask:
    """Values of any type as uint8 or uint16."""
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype.kind == "c":
        raise InputError(f"{path} contains complex numbers; expected whole numbers: save it as uint8 or uint16")
    if values.dtype != np.bool_:
        bad = values[~((values >= 0) & (values <= LARGEST_VALUE) & (values == np.floor(values)))]
        if bad.size:
            raise InputError(
                f"{path} contains the value {bad[0]} ({bad.size} of {values.size} pixels); expected whole numbers from "
                f"0 to {LARGEST_VALUE}: save it as uint8 or uint16"
            )
        return values.astype(np.uint16)
    return values.astype(np.uint8)
