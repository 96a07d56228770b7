"""Pascal VOC, as its authors, CVAT ("Segmentation mask 1.1"), Datumaro and labelme2voc write it.

Everingham et al. (2010), "The Pascal Visual Object Classes challenge"; host.robots.ox.ac.uk/pascal/VOC.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.class_lists import class_list
from feedbackward.importing.data_files import data_files, is_hidden
from feedbackward.importing.found import FoundData, Sample, unpaired
from feedbackward.importing.split_names import named_split
from feedbackward.text_files import read_text

IMAGES, MASKS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
VOC_CLASSES = (
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The classes by their values in the masks; 255 is void."""


def find(root: Path) -> FoundData | None:
    """The images with a mask; None if there is no SegmentationClass with JPEGImages or ImageSets/Segmentation.

    The folders lie in root, or up to two folders below it (VOCdevkit/VOC2012).

    Raises:
        InputError: If there are several such data sets, the images or listed files are missing, an image is in two
            splits, or a list cannot be read.
    """
    base = _base(root)
    if base is None:
        return None
    if not (base / IMAGES).is_dir():
        raise InputError(f"{base} has masks but no folder {IMAGES}; put the images there (CVAT: export with images)")
    images = _by_id(base / IMAGES)
    masks = _by_id(base / MASKS)
    splits = _splits(base / LISTS)
    if splits:
        withheld = [key for key, split in splits.items() if split == "test" and key not in masks]
        notes = _unlisted(splits, images, masks)
        if withheld:
            notes += (f"left out {len(withheld)} images of the test list without a mask: {listed(withheld, most=3)}",)
            splits = {key: split for key, split in splits.items() if key not in withheld}
        _refuse_missing(splits, images, masks, base)
    else:
        splits = dict.fromkeys(sorted(images.keys() & masks.keys()))
        notes = unpaired(images, masks)
        if not splits:
            raise InputError(
                f"{base}: no mask in {MASKS} has the name of an image in {IMAGES}; name each like its image"
            )
    classes = class_list(base)
    if classes is None:
        classes = {"classes": [*VOC_CLASSES]}
        notes += (f"the classes are the {len(VOC_CLASSES)} of Pascal VOC: {base} has no labelmap.txt or another list",)
    samples = (Sample(key.replace("/", "__"), images[key], masks[key], split) for key, split in splits.items())
    return FoundData("Pascal VOC folders", tuple(samples), classes, notes)


def _base(root: Path) -> Path | None:
    """The folder that contains the data set."""
    found = [path.parent for pattern in ("", "*/", "*/*/") for path in sorted(root.glob(pattern + MASKS))]
    shown = [path for path in found if not is_hidden(path.relative_to(root))]
    bases = [path for path in shown if (path / IMAGES).is_dir() or (path / LISTS).is_dir()]
    if len(bases) > 1:
        raise InputError(f"{root} contains several data sets: {listed(bases)}; give one of these folders")
    return bases[0] if bases else None


def _by_id(folder: Path) -> dict[str, Path]:
    """The image files of a folder and its subfolders by their ids: paths without the suffix."""
    found: dict[str, Path] = {}
    for path in data_files(folder, IMAGE_SUFFIXES):
        key = path.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            raise InputError(f"{found[key]} and {path} have one name; remove or rename one of them")
        found[key] = path
    return found


def _refuse_missing(ids: Iterable[str], images: Mapping[str, Path], masks: Mapping[str, Path], base: Path) -> None:
    problems = [
        f"without a file in {base / folder} ({len(missing)}): {listed(missing)}"
        for folder, files in ((IMAGES, images), (MASKS, masks))
        if (missing := sorted(set(ids) - files.keys()))
    ]
    if problems:
        raise InputError(
            f"ids in {base / LISTS} {'; '.join(problems)}; put the files there, or remove the ids from the lists"
        )


def _unlisted(ids: Mapping[str, object], images: Mapping[str, Path], masks: Mapping[str, Path]) -> tuple[str, ...]:
    """The note about files that no list names."""
    counts = [
        f"{len(unlisted)} {what} ({listed(unlisted, most=3)})"
        for what, files in (("images", images), ("masks", masks))
        if (unlisted := sorted(files.keys() - ids.keys()))
    ]
    return (f"left out, as no list in {LISTS} names them: {', '.join(counts)}",) if counts else ()


def _splits(folder: Path) -> dict[str, Split | None]:
    """The split of each listed id: None if it is only in other lists, such as trainval.txt or default.txt."""
    lists = {path: _ids(path) for path in sorted(folder.glob("*.txt"))}
    splits: dict[str, Split | None] = dict.fromkeys(sorted({key for ids in lists.values() for key in ids}))
    for path, ids in lists.items():
        split = named_split(path.stem)
        if split is None:
            continue
        for key in ids:
            if splits[key] not in (None, split):
                raise InputError(f"{path}: {key} is in the split {splits[key]} too; keep it in one of them")
            splits[key] = split
    return splits


def _ids(path: Path) -> list[str]:
    lines = read_text(path, expected="text, one id a line").splitlines()
    ids = [line.strip().strip('"') for line in lines if line.strip()]
    repeated = sorted(key for key, count in Counter(ids).items() if count > 1)
    if repeated:
        raise InputError(f"{path}: ids that occur more than once: {listed(repeated)}; keep one of each")
    return ids
