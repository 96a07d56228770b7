"""Which layout a folder has."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from feedbackward.data.class_file import load_class_file
from feedbackward.data.folder import layered_class_file
from feedbackward.errors import InputError, listed
from feedbackward.importing.data_files import data_files
from feedbackward.importing.found import FoundData
from feedbackward.importing.json_tools import damaged_note
from feedbackward.importing.layouts import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    cvat,
    folders,
    hugging_face,
    label_studio,
    labelme,
    stacks,
    voc,
    yolo,
)

Finder = Callable[[Path], FoundData | None]

LAYOUTS: dict[str, Finder] = {
    "Cityscapes: leftImg8bit and gtFine": cityscapes.find,
    "CamVid: train, trainannot, val, valannot": camvid.find,
    "COCO: a JSON file with images, annotations and categories": coco.find,
    "Label Studio: an export as JSON": label_studio.find,
    "CVAT for images 1.1: annotations.xml": cvat.find,
    "labelme: NAME.json beside the images": labelme.find,
    "YOLO: images/NAME.jpg with labels/NAME.txt of polygons, and data.yaml": yolo.find,
    "Pascal VOC: JPEGImages, SegmentationClass, ImageSets/Segmentation": voc.find,
    "ADE20K: ADEChallengeData2016 with objectInfo150.txt": ade20k.find,
    "a Dataset or DatasetDict of Hugging Face, written by save_to_disk": hugging_face.find,
    "TIFF stacks: images.tif and masks.tif, NAME.tif and NAME_mask.tif, or train-volume.tif and train-labels.tif": (
        stacks.find
    ),
    "images and masks in folders, or side by side as NAME.jpg and NAME_mask.png": folders.find,
}
"""The layouts, the most particular first: each returns what it finds, or None if the folder has another layout."""


def recognize(root: Path) -> FoundData:
    """Find the images and annotations in a folder.

    Args:
        root: The folder of the data set.

    Raises:
        InputError: If there is no such folder, its layout is unknown, classes overlap in our own, or an annotation is
            damaged.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}; give the folder that contains the data set")
    if file := layered_class_file(root):
        raise InputError(
            f"{file}: classes overlap (masks: layers), and their masks are neither inspected nor converted; "
            f"`feedbackward train` and `fit --data folder` read them as they are"
        )
    for find in LAYOUTS.values():
        found = find(root)
        if found is not None:
            _refuse_layers(found.classes)
            return found
    suffixes = Counter(path.suffix.lower() or "no suffix" for path in data_files(root))
    content = listed(f"{count} of {suffix}" for suffix, count in suffixes.most_common()) or "nothing"
    content = "; ".join((content, *damaged_note(root)))
    raise InputError(
        f"{root} has no layout that is known; found {content}; expected one of: {'; '.join(LAYOUTS)}; see docs/data.md"
    )


def _refuse_layers(classes: dict[str, Any] | Path | None) -> None:
    """A class file of classes that overlap is for masks in folders of classes, which no layout here has."""
    if isinstance(classes, Path) and load_class_file(classes).get("masks") == "layers":
        raise InputError(
            f"{classes}: classes overlap (masks: layers), which needs images/SPLIT/NAME.jpg and "
            f"masks/SPLIT/CLASS/NAME.png; arrange the files like that, or omit 'masks: layers'"
        )
