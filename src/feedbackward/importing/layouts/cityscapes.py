"""Cityscapes: leftImg8bit/SPLIT/CITY and the label ids in gtFine/SPLIT/CITY."""

from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.data.cityscapes_files import find_files
from feedbackward.data.cityscapes_labels import LABELS
from feedbackward.importing.found import FoundData
from feedbackward.importing.known_layout import Files, find_known

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

    def files(split: Split) -> Files:
        images, masks = (
            find_files(root, folder, split, ending) if (root / folder / split).is_dir() else {}
            for folder, ending in (("leftImg8bit", "_leftImg8bit"), ("gtFine", "_gtFine_labelIds"))
        )
        return images, masks

    return find_known(root, "cityscapes", "Cityscapes", classes=CLASSES, files=files)
