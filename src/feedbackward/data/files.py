"""Reading images, masks and instance maps, with errors that name the file and the remedy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from feedbackward.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
MASK_SUFFIXES = (".png",)

_COLORS_HINT = (
    "Save the indices themselves, or, if the colors encode classes, set 'masks: colors' in a class file and use the "
    "data set folder"
)
_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 swap height and width
_FILE_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9", "MPO": b"\xff\xd9"}


def read_image(path: Path) -> NDArray[np.uint8]:
    """The image as RGB uint8 (H, W, 3), rotated according to its EXIF orientation.

    Gray, palette, CMYK and transparent images are converted.

    Raises:
        InputError: If the file is missing, truncated, not an image, or deeper than 8 bits per channel.
    """
    with _opened(path) as image:
        _refuse_deep(image, path)
        if "transparency" in image.info:
            image = image.convert("RGBA")
        return np.array(_upright(image).convert("RGB"))


def read_mask(path: Path, *, hint: str = _COLORS_HINT) -> NDArray[np.uint8]:
    """The values of a mask as uint8 (H, W); for a palette image the indices, not the colors.

    Args:
        path: The file.
        hint: What to do about a mask of colors; the end of the error message.

    Raises:
        InputError: If the file is missing, truncated or not an image of one 8-bit channel.
    """
    with _opened(path) as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(
                f"{path} has more than 8 bits per pixel; expected an 8-bit mask of class indices: save it as uint8"
            )
        if image.mode not in ("L", "P", "1"):
            raise InputError(
                f"{path} has {len(image.getbands())} channels ({image.mode}); expected one channel of class "
                f"indices. {hint}"
            )
        return np.array(image).astype(np.uint8, copy=False)


def read_instance_ids(path: Path) -> NDArray[np.int32]:
    """The values of a 16-bit instance map as int32 (H, W).

    Raises:
        InputError: If the file is missing, truncated or not an image of one 16-bit channel.
    """
    with _opened(path) as image:
        if not image.mode.startswith("I"):
            raise InputError(
                f"{path} is not a 16-bit instance map ({image.mode}); expected one 16-bit channel of label "
                f"id * 1000 + number. Maps converted to 8 bits have lost their classes: copy the "
                f"original again"
            )
        return np.array(image).astype(np.int32)


def check_image(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header.

    A file with an intact end is not decoded: damage in its middle is detected when it is read.

    Raises:
        InputError: As read_image, except for such damage.
    """
    with _opened(path) as image:
        _refuse_deep(image, path)
        height, width = image.height, image.width
        if "exif" in image.info and image.getexif().get(_ORIENTATION, 1) >= 5:
            height, width = width, height
        file_format = image.format or ""
    if not _has_end_marker(path, file_format):
        read_image(path)
    return height, width


def list_files(folder: Path, suffixes: tuple[str, ...], *, ending: str = "") -> dict[str, Path]:
    """The files of a folder, sorted, by stem without the ending; hidden files are skipped.

    Args:
        folder: The folder; subfolders are not searched.
        suffixes: Accepted suffixes, in lower case.
        ending: What the stem must end with.

    Raises:
        InputError: If the folder is missing, or two files have the same stem.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes or not path.stem.endswith(ending):
            continue
        name = path.stem.removesuffix(ending)
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same name; remove or rename one of them")
        found[name] = path
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image; errors within the block become InputErrors."""
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"no file {path}") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not an image in PNG or JPEG ({path.stat().st_size} bytes); replace or remove it"
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large: {error}; split it into tiles") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.strerror is not None:  # raised by the system, not by the decoder
            raise InputError(f"{path} cannot be read: {error.strerror}; expected a readable file") from error
        raise InputError(f"{path} cannot be read: {error}; copy or download it again") from error


def _has_end_marker(path: Path, file_format: str) -> bool:
    """Whether a file ends with the end marker of its format; otherwise it may be truncated, and must be decoded."""
    end = _FILE_ENDS[file_format]
    with path.open("rb") as file:
        file.seek(-len(end), os.SEEK_END)
        return file.read() == end


def _refuse_deep(image: Image.Image, path: Path) -> None:
    if image.mode.startswith(("I", "F")):
        raise InputError(f"{path} has more than 8 bits per channel ({image.mode}); convert it to 8-bit RGB")


def _upright(image: Image.Image) -> Any:
    return ImageOps.exif_transpose(image) if "exif" in image.info else image
