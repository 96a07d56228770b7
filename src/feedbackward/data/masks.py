"""Reading masks and instance maps with the values that their files store, with errors that name the remedy."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from feedbackward.data.files import opened_image
from feedbackward.errors import InputError, listed

Mask: TypeAlias = NDArray[np.uint8 | np.uint16]
"""Values or class indices (H, W)."""

_COLORS_HINT = (
    "Save the indices themselves, or, if the colors encode classes, set 'masks: colors' in a class file and use the "
    "data set folder"
)


def read_mask(path: Path, *, hint: str = _COLORS_HINT) -> Mask:
    """The values of a mask (H, W), upright; for a palette image the indices, not the colors.

    Values are those that the file stores: a gray image of 1, 2, 4 or 8 bits is uint8, one of 16 bits uint16. An image
    of three equal channels is gray. Alpha is ignored if all pixels are opaque.

    Args:
        path: The file.
        hint: What to do about a mask of colors; the end of the error message.

    Raises:
        InputError: If the file is missing, truncated or not an image, is compressed with loss, has transparent pixels,
            or has colors.
    """
    pixels = _read(path).pixels
    colored = (pixels[..., 1:] != pixels[..., :1]).any(axis=-1)
    if colored.any():
        colors = [f"({', '.join(map(str, color))})" for color in np.unique(pixels[colored], axis=0).tolist()]
        raise InputError(
            f"{path} has colors, such as {listed(colors, most=3)} ({np.count_nonzero(colored)} of {colored.size} "
            f"pixels); expected one channel of class indices. {hint}"
        )
    return np.ascontiguousarray(pixels[..., 0])


def read_mask_colors(path: Path) -> NDArray[np.uint8]:
    """The colors of a mask (H, W, 3), upright; gray and palette images are converted.

    Raises:
        InputError: As read_mask, or if the mask has 16 bits.
    """
    stored = _read(path)
    if stored.pixels.dtype != np.uint8:
        raise InputError(f"{path} has 16 bits per pixel; expected 8-bit colors (masks: colors)")
    if stored.palette is not None:
        return stored.palette[stored.pixels[..., 0]]
    spread = stored.pixels * np.uint8(255 // (2**stored.bits - 1))
    return np.broadcast_to(spread, (*spread.shape[:2], 3))


def read_instance_ids(path: Path) -> NDArray[np.int32]:
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


@dataclass(frozen=True)
class _Stored:
    """A mask as it is stored: pixels (H, W, 1 or 3) of `bits` bits, which are indices if there is a palette (n, 3)."""

    pixels: Mask
    bits: int = 8
    palette: NDArray[np.uint8] | None = None


def _read(path: Path) -> _Stored:
    with opened_image(path) as image:
        if image.format in ("JPEG", "MPO", "JPEG2000"):
            raise InputError(
                f"{path} is a JPEG, and its compression changes the values of pixels; expected a lossless format: "
                f"export the masks again, as PNG (converting the JPEG keeps the changed values)"
            )
        bits = _bits(image, path)
        if bits == 16 and not image.mode.startswith("I"):
            raise InputError(
                f"{path} has {len(image.getbands())} channels of 16 bits ({image.mode}); expected 16-bit gray or 8-bit "
                f"channels: save it as gray"
            )
        ImageOps.exif_transpose(image, in_place=True)
        return _stored(image, bits, path)


def _stored(image: Image.Image, bits: int, path: Path) -> _Stored:
    pixels = np.array(image)
    match image.mode:
        case "1":
            return _Stored(pixels[..., None].astype(np.uint8), 1)
        case "L":
            return _Stored(pixels[..., None] // np.uint8(255 // (2**bits - 1)), bits)  # Pillow spreads them over 8 bits
        case "P":
            palette = np.zeros((256, 3), np.uint8)  # of fewer entries than indices, those missing are black
            colors = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            palette[: len(colors)] = colors
            return _Stored(pixels[..., None], 8, palette)
        case "RGB":
            return _Stored(pixels)
        case "LA" | "RGBA":
            transparent = np.count_nonzero(pixels[..., -1] != 255)
            if transparent:
                raise InputError(
                    f"{path} is transparent in {transparent} of {pixels[..., -1].size} pixels; alpha is ignored only "
                    f"if all pixels are opaque: give those pixels a value or color of their own and save without alpha"
                )
            return _Stored(pixels[..., :-1])
        case "I;16" | "I;16B" | "I;16L" | "I;16N":
            return _Stored(pixels[..., None].astype(np.uint16), 16)
    raise InputError(
        f"{path} has pixels of type {image.mode}; expected gray of 1 to 16 bits, a palette or RGB: save it as uint8 or "
        f"uint16"
    )


def _bits(image: Image.Image, path: Path) -> int:
    """The bits per channel in the file, which Pillow does not tell."""
    with path.open("rb") as file:
        return file.read(25)[24] if image.format == "PNG" else 8
