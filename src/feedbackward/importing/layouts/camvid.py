"""CamVid, as SegNet's authors arrange it: SPLIT/NAME.png with SPLITannot/NAME.png."""

from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.data.camvid_labels import CAMVID, UNLABELED
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.importing.found import FoundData
from feedbackward.importing.known_layout import Files, find_known

CLASSES = {
    "classes": [{"name": name, "color": list(color)} for name, color in zip(CAMVID.names, CAMVID.colors, strict=True)],
    "ignore": UNLABELED,
}


def find(root: Path) -> FoundData | None:
    """The images with a mask; None if the folder does not have CamVid's layout."""

    def files(split: Split) -> Files:
        images, masks = (
            list_files(folder, IMAGE_SUFFIXES) if folder.is_dir() else {}
            for folder in (root / split, root / f"{split}annot")
        )
        return images, masks

    return find_known(root, "camvid", "CamVid", classes=CLASSES, files=files)
