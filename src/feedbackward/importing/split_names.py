"""Splits by the names of folders and files, and names of samples without them."""

import re
from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.importing.found import flat_name

SPLITS: dict[str, Split] = {"train": "train", "training": "train", "val": "val", "valid": "val"}
SPLITS |= {"validation": "val", "dev": "val", "test": "test", "testing": "test"}


def named_split(name: str) -> Split | None:
    """The split that something is named after, with or without a number.

    Example:
        >>> named_split("train2017"), named_split("Validation"), named_split("trainval")
        ('train', 'val', None)
    """
    return SPLITS.get(re.sub(r"[_-]?\d+$", "", name.lower()))


def folder_split(path: Path, root: Path) -> Split | None:
    """The split of the nearest folder of a file, below the root, that is named after one.

    Example:
        >>> folder_split(Path("data/val2017/1.jpg"), Path("data"))
        'val'
    """
    return next(filter(None, map(named_split, reversed(_folders(path, root)))), None)


def file_split(path: Path) -> Split | None:
    """The split in the name of a file.

    Example:
        >>> file_split(Path("instances_train2017.json"))
        'train'
    """
    words = re.findall("[a-z]+", path.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def sample_name(image: Path, root: Path) -> str:
    """The name of a sample: as flat_name, without the folders of images and of splits.

    Example:
        >>> sample_name(Path("data/images/train/left/1.jpg"), Path("data"))
        'left__1'
    """
    kept = [part for part in _folders(image, root) if not named_split(part) and part.lower() != "images"]
    return flat_name(Path(*kept, image.name), Path())


def _folders(path: Path, root: Path) -> tuple[str, ...]:
    """The folders between the root and a file; none if it lies elsewhere."""
    return path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
