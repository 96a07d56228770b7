"""CamVid, as SegNet's authors arrange it: SPLIT/NAME.png with SPLITannot/NAME.png."""

from pathlib import Path

from feedbackward.data.arguments import SPLITS
from feedbackward.data.camvid_labels import CAMVID, UNLABELED
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.data.sources import recognize_source
from feedbackward.importing.found import FoundData, Sample, unpaired

CLASSES = {
    "classes": [{"name": name, "color": list(color)} for name, color in zip(CAMVID.names, CAMVID.colors, strict=True)],
    "ignore": UNLABELED,
}


def find(root: Path) -> FoundData | None:
    """The images with a mask; None if the folder is not CamVid."""
    source = recognize_source(root)
    if source is None or source.name != "camvid":
        return None
    samples, notes = list[Sample](), list[str]()
    for split in SPLITS:
        folders = root / split, root / f"{split}annot"
        images, masks = (list_files(each, IMAGE_SUFFIXES) if each.is_dir() else {} for each in folders)
        samples += [Sample(name, images[name], masks[name], split) for name in sorted(images.keys() & masks.keys())]
        notes += unpaired(images, masks)
    return FoundData("CamVid", tuple(samples), CLASSES, tuple(notes))
