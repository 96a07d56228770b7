"""Finding the images to predict, and checking all of them before the first is predicted."""

from pathlib import Path

from feedbackward.data import files
from feedbackward.errors import InputError

IMAGE_SUFFIXES = (*files.IMAGE_SUFFIXES, ".bmp", ".tif", ".tiff", ".webp")


def find_images(source: Path) -> list[Path]:
    """The image itself, or all images in a folder and its subfolders, sorted; hidden files are left out.

    Raises:
        InputError: If there is no such file or folder, or no image in it.
    """
    suffixes = " ".join(IMAGE_SUFFIXES)
    if source.is_file():
        if source.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(f"{source} is no image by its name; expected one of {suffixes}")
        return [source]
    if not source.is_dir():
        raise InputError(f"no such image or folder: {source}")
    images = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not images:
        raise InputError(
            f"no images in {source} or its subfolders; expected files that end in one of {suffixes}"
        )
    return images


def check_images(images: list[Path]) -> None:
    """Check that every file is a whole image of 8 bits a channel.

    Raises:
        InputError: If one is not.
    """
    for path in images:
        # Only PNG and JPEG have an end by which a truncated file is known without decoding it.
        if path.suffix.lower() in files.IMAGE_SUFFIXES:
            files.check_image(path)
        else:
            files.read_image(path)
