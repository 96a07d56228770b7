"""Finding the images to predict."""

from pathlib import Path

from feedbackward.data.files import IMAGE_SUFFIXES
from feedbackward.errors import InputError


def find_images(source: Path) -> list[Path]:
    """Return the image itself, or all images in a folder and its subfolders, sorted, without hidden files.

    Raises:
        InputError: If there is no such file or folder, or it contains no image.
    """
    suffixes = " ".join(IMAGE_SUFFIXES)
    if source.is_file():
        if source.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(f"{source} does not have the suffix of an image; expected one of {suffixes}")
        return [source]
    if not source.is_dir():
        raise InputError(f"no such image or folder: {source}")
    images = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not images:
        raise InputError(f"no images in {source} or its subfolders; expected files that end in one of {suffixes}")
    return images
