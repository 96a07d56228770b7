"""Cityscapes: leftImg8bit/SPLIT/CITY and the label ids in gtFine/SPLIT/CITY."""

from pathlib import Path

from feedbackward.data.arguments import SPLITS
from feedbackward.data.cityscapes_files import find_files
from feedbackward.data.cityscapes_labels import LABELS
from feedbackward.data.sources import recognize_source
from feedbackward.importing.found import FoundData, Sample, unpaired

CLASSES = {
    "classes": [
        {"name": label.name, "value": label.id, "color": list(label.color)} for label in LABELS if label.evaluated
    ],
    "ignore": [label.id for label in LABELS if not label.evaluated],
}


def find(root: Path) -> FoundData | None:
    """The images with label ids; None if the folder is not Cityscapes.

    Raises:
        InputError: If two files have the same name.
    """
    source = recognize_source(root)
    if source is None or source.name != "cityscapes":
        return None
    samples, notes = list[Sample](), list[str]()
    for split in SPLITS:
        parts = ("leftImg8bit", "_leftImg8bit"), ("gtFine", "_gtFine_labelIds")
        images, masks = (
            find_files(root, folder, split, ending) if (root / folder / split).is_dir() else {}
            for folder, ending in parts
        )
        samples += [Sample(name, images[name], masks[name], split) for name in sorted(images.keys() & masks.keys())]
        notes += unpaired(images, masks)
    return FoundData("Cityscapes", tuple(samples), CLASSES, tuple(notes))
