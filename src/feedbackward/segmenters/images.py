"""Finding the images to predict."""

from collections import defaultdict
from pathlib import Path

from feedbackward.data.files import IMAGE_SUFFIXES
from feedbackward.data.listing import warn_left_out, why_left_out
from feedbackward.errors import InputError


def find_images(source: Path) -> list[Path]:
    """Return the image itself, or all images in a folder and its subfolders, sorted; a warning says what is left out.

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
    images = []
    left_out = defaultdict[str, list[Path]](list)
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            continue
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if reason := "hidden" if hidden else why_left_out(path, IMAGE_SUFFIXES):
            left_out[reason].append(path)
        else:
            images.append(path)
    warn_left_out(source, left_out)
    if not images:
        raise InputError(f"no images in {source} or its subfolders; expected files that end in one of {suffixes}")
    return images
