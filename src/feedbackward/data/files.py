"""Reading images, with errors that name the file and the remedy."""

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

_ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 swap height and width
_FILE_ENDS = {"PNG": b"IEND\xaeB`\x82", "JPEG": b"\xff\xd9", "MPO": b"\xff\xd9"}


def read_image(path: Path) -> NDArray[np.uint8]:
    """The image as RGB uint8 (H, W, 3), rotated according to its EXIF orientation.

    Gray, palette, CMYK and transparent images are converted.

    Raises:
        InputError: If the file is missing, truncated, not an image, or deeper than 8 bits per channel.
    """
    with opened_image(path) as image:
        _refuse_deep(image, path)
        if "transparency" in image.info:
            image = image.convert("RGBA")
        return np.array(_upright(image).convert("RGB"))


def check_image(path: Path) -> tuple[int, int]:
    """Height and width of an image, from its header.

    A file with an intact end is not decoded: damage in its middle is detected when it is read.

    Raises:
        InputError: As read_image, except for such damage.
    """
    with opened_image(path) as image:
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
def opened_image(path: Path) -> Iterator[Image.Image]:
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
