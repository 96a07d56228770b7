"""Which layout a folder has."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from feedbackward.errors import InputError, listed
from feedbackward.importing.found import FoundData
from feedbackward.importing.layouts import folders, labelme

Finder = Callable[[Path], FoundData | None]

LAYOUTS: dict[str, Finder] = {
    "labelme: NAME.json beside the images": labelme.find,
    "images and masks in folders, or side by side as NAME.jpg and NAME_mask.png": folders.find,
}
"""The layouts, the most particular first: each returns what it finds, or None if the folder has another layout."""


def recognize(root: Path) -> FoundData:
    """Find the images and annotations in a folder.

    Args:
        root: The folder of the data set.

    Raises:
        InputError: If there is no such folder, its layout is unknown, or an annotation is damaged.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}; give the folder that contains the data set")
    for find in LAYOUTS.values():
        found = find(root)
        if found is not None:
            return found
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in root.rglob("*") if path.is_file())
    content = listed(f"{count} of {suffix}" for suffix, count in suffixes.most_common()) or "nothing"
    raise InputError(
        f"{root} has no layout that is known; found {content}; expected one of: {'; '.join(LAYOUTS)}; see docs/data.md"
    )
