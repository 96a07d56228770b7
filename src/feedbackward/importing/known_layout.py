"""Finding a data set whose folders and classes are known, such as CamVid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from feedbackward.data.arguments import SPLITS, Split
from feedbackward.data.class_file import own_class_file
from feedbackward.data.sources import find_source
from feedbackward.importing.found import FoundData, Sample, unpaired

Files = tuple[dict[str, Path], dict[str, Path]]
"""Images and masks by name."""


def find_known(
    root: Path, name: str, title: str, *, classes: dict[str, Any], files: Callable[[Split], Files]
) -> FoundData | None:
    """The images with a mask, with the folder's own class file if it has one; None if it does not have the layout.

    Args:
        root: The folder of the data set.
        name: The name of its source, whose folders it has.
        title: The name of its layout, for messages.
        classes: The content of a class file, for a folder without one.
        files: Returns the files of a split.

    Raises:
        InputError: As `files`.
    """
    if not find_source(name).fits(root):
        return None
    own = own_class_file(root)
    samples, notes = list[Sample](), list[str]()
    for split in SPLITS:
        images, masks = files(split)
        samples += [Sample(name, images[name], masks[name], split) for name in sorted(images.keys() & masks.keys())]
        notes += unpaired(images, masks)
    layout = title if own is None else f"folders as in {title}"
    return FoundData(layout, tuple(samples), own or classes, tuple(notes))
