"""Opening image files, with errors that name the file and the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from feedbackward.data.formats import SUFFIXES
from feedbackward.data.members import File, Member, file_size
from feedbackward.data.pillow_images import PillowImage, open_pillow
from feedbackward.data.stored import StoredImage
from feedbackward.errors import FailureError, InputError, one_line
from feedbackward.text_files import open_file

_FORMATS = ", ".join(list(SUFFIXES)[:-1]) + " or " + list(SUFFIXES)[-1]
_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@contextmanager
def opened(path: File) -> Iterator[StoredImage]:
    """Open an image file; errors of its decoder within the block become InputErrors.

    Raises:
        InputError: If it is not a readable image file.
    """
    with decoding(path), open_image_file(path) as file:
        yield open_stored(file, path)


def open_image_file(path: File) -> BinaryIO:
    """Open the file of an image; errors are those of open_file, or of Member.open."""
    return path.open() if isinstance(path, Member) else open_file(path, expected="an image")


def open_stored(file: BinaryIO, path: File) -> StoredImage:
    """The image in an open file.

    Raises:
        InputError: If it is in another format, or is not a single image.
    """
    magic = file.read(4)
    file.seek(0)
    if magic in _TIFF_MAGICS:
        from feedbackward.data.tiff_images import TiffImage

        return TiffImage(file, path)
    image = open_pillow(file)
    if image is None:
        raise InputError(f"{path} is not an image in {_FORMATS} ({file_size(path)} bytes); replace or remove it")
    return PillowImage(image, file, path)


@contextmanager
def decoding(path: File) -> Iterator[None]:
    """Turn errors of decoders within the block into InputErrors.

    Args:
        path: The file, for messages.
    """
    try:
        yield
    except (InputError, FailureError):
        raise
    except FileNotFoundError as error:
        link = ""
        if isinstance(path, Path) and path.is_symlink():
            link = f": a link to {path.readlink()}, which does not exist"
        raise InputError(f"no file {path}{link}") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit in memory; split it into tiles") from error
    except Exception as error:  # decoders raise almost any exception if a file is damaged
        if isinstance(error, OSError) and error.strerror is not None:  # raised by the system, not by the decoder
            raise InputError(f"{path} cannot be read: {error.strerror}; expected a readable file") from error
        reason = one_line(error) or type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}; copy or download it again") from error
