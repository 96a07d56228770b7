"""CamVid, as SegNet's authors arrange it: SPLIT/NAME.png with SPLITannot/NAME.png."""

from pathlib import Path

from feedbackward.data.arguments import SPLITS
from feedbackward.data.camvid_labels import CAMVID, UNLABELED
from feedbackward.data.class_file import own_class_file
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.data.sources import find_source
from feedbackward.importing.found import FoundData, Sample, unpaired

CLASSES = {
    "classes": [{"name": name, "color": list(color)} for name, color in zip(CAMVID.names, CAMVID.colors, strict=True)],
    "ignore": UNLABELED,
}


def find(root: Path) -> FoundData | None:
    """The images with a mask; None if the folder does not have CamVid's layout."""
    if not find_source("camvid").fits(root):
        return None
    own = own_class_file(root)
    samples, notes = list[Sample](), list[str]()
    for split in SPLITS:
        folders = root / split, root / f"{split}annot"
        images, masks = (list_files(each, IMAGE_SUFFIXES) if each.is_dir() else {} for each in folders)
        samples += [Sample(name, images[name], masks[name], split) for name in sorted(images.keys() & masks.keys())]
        notes += unpaired(images, masks)
    layout = "CamVid" if own is None else "folders as in CamVid"
    return FoundData(layout, tuple(samples), own or CLASSES, tuple(notes))
