"""Cityscapes: leftImg8bit/SPLIT/CITY and the label ids in gtFine/SPLIT/CITY."""

from pathlib import Path

from feedbackward.data.arguments import SPLITS
from feedbackward.data.cityscapes_files import find_files
from feedbackward.data.cityscapes_labels import LABELS
from feedbackward.data.class_file import own_class_file
from feedbackward.data.sources import find_source
from feedbackward.importing.found import FoundData, Sample, unpaired

CLASSES = {
    "classes": [
        {"name": label.name, "value": label.id, "color": list(label.color)} for label in LABELS if label.evaluated
    ],
    "ignore": [label.id for label in LABELS if not label.evaluated],
}


def find(root: Path) -> FoundData | None:
    """The images with label ids; None if the folder does not have Cityscapes' layout.

    Raises:
        InputError: If two files have the same name.
    """
    if not find_source("cityscapes").fits(root):
        return None
    own = own_class_file(root)
    samples, notes = list[Sample](), list[str]()
    for split in SPLITS:
        parts = ("leftImg8bit", "_leftImg8bit"), ("gtFine", "_gtFine_labelIds")
        images, masks = (
            find_files(root, folder, split, ending) if (root / folder / split).is_dir() else {}
            for folder, ending in parts
        )
        samples += [Sample(name, images[name], masks[name], split) for name in sorted(images.keys() & masks.keys())]
        notes += unpaired(images, masks)
    layout = "Cityscapes" if own is None else "folders as in Cityscapes"
    return FoundData(layout, tuple(samples), own or CLASSES, tuple(notes))
