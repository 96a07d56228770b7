"""Finds and checks the files of Cityscapes: images, label images and instance maps."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from feedbackward.data.cityscapes_labels import LABEL_ID_ENCODING, LABELS, VOID
from feedbackward.data.files import check_image
from feedbackward.data.listing import list_files, warn_left_out
from feedbackward.data.masks import read_instance_ids
from feedbackward.data.pairs import Pair, match
from feedbackward.errors import InputError, listed

_COMPANIONS = ("_color.png", "_instanceIds.png", "_labelIds.png", "_labelTrainIds.png", "_polygons.json")
_ARCHIVES = {"gtFine": "gtFine_trainvaltest.zip", "gtCoarse": "gtCoarse.zip"}

_WITHOUT_INSTANCES = {label.id: label.name for label in LABELS if label.evaluated and not label.has_instances}
# Values up to 1000 are label ids, of stuff and of groups; instances of labels that are not evaluated are ignored.
_VALID_INSTANCES = np.array(
    [
        value <= 1000 or (value // 1000 < len(LABELS) and value // 1000 not in _WITHOUT_INSTANCES)
        for value in range(1 << 16)
    ]
)


def find_pairs(root: Path, split: str, annotations: str) -> list[Pair]:
    """The images and label images of a split.

    Args:
        root: Folder of the data set.
        split: train, val, test or train_extra.
        annotations: gtFine or gtCoarse.

    Raises:
        InputError: If a folder, an image or a label image is missing; lists up to ten of each.
    """
    images = find_files(root, "leftImg8bit", split, "_leftImg8bit")
    masks = find_files(root, annotations, split, f"_{annotations}_labelIds")
    where = f"{root / 'leftImg8bit' / split} and {root / annotations / split}"
    return match(images, masks, where=where, hint=_hint(root, annotations, split))


def find_files(root: Path, folder: str, split: str, ending: str) -> dict[str, Path]:
    """The files of a split's city folders by CITY_SEQ_FRAME.

    Raises:
        InputError: If the folder is missing, or two files have the same name.
    """
    parent = root / folder / split
    if not parent.is_dir():
        raise InputError(f"no folder {parent}. {_hint(root, folder, split)}")
    found: dict[str, Path] = {}
    cities = sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    if others := sorted(set(parent.iterdir()) - set(cities)):
        warn_left_out(parent, {"beside the folders of cities": others})
    companions = _COMPANIONS if folder in _ARCHIVES else ()
    for city in cities:
        for name, path in list_files(city, (".png",), ending=ending, companions=companions).items():
            if name in found:
                raise InputError(f"{found[name]} and {path} have the same name; remove one of them")
            found[name] = path
    return found


def _hint(root: Path, folder: str, split: str) -> str:
    """A hint what to download, or the likely root if it is one level off."""
    candidates = [root.parent, *sorted(path for path in root.glob("*") if path.is_dir())]
    for candidate in candidates:
        if not (root / "leftImg8bit").is_dir() and (candidate / "leftImg8bit").is_dir():
            return f"leftImg8bit is in {candidate}: set data.root to it"
    annotations = "gtCoarse" if folder == "gtCoarse" or split == "train_extra" else "gtFine"
    images = "leftImg8bit_trainextra.zip" if split == "train_extra" else "leftImg8bit_trainvaltest.zip"
    return (
        f"Unpack {images} and {_ARCHIVES[annotations]} (cityscapes-dataset.com, Download) in one folder and "
        f"set data.root to it, so that it contains leftImg8bit/{split}/CITY and {annotations}/{split}/CITY"
    )


def refuse_withheld(pairs: Sequence[Pair]) -> None:
    """Refuse a split whose annotations are all void, as those of the test split are.

    Raises:
        InputError: If they are.
    """
    if all((LABEL_ID_ENCODING.read(pair.mask) == VOID).all() for pair in pairs):
        raise InputError(
            f"the annotations in {Path(str(pairs[0].mask)).parents[1]} are dummies without any class: Cityscapes "
            f"withholds the annotations of its test split. Score on val, or predict the test images and submit them"
        )


def find_instances(pairs: Sequence[Pair]) -> list[Path]:
    """The instance map of each label image.

    Raises:
        InputError: If maps are missing; lists up to ten.
    """
    masks = (Path(str(pair.mask)) for pair in pairs)
    paths = [mask.with_name(mask.name.replace("_labelIds", "_instanceIds")) for mask in masks]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"instance maps are missing next to the labelIds in {paths[0].parents[1]} "
            f"({len(missing)} of {len(paths)}): {listed(missing)}. The instance scores need "
            f"them; they are in gtFine_trainvaltest.zip"
        )
    return paths


def check_instances(pairs: Sequence[Pair], paths: Sequence[Path]) -> None:
    """Read and check every instance map, on all cores.

    Args:
        pairs: Images and label images of a split.
        paths: The instance map of each pair.

    Raises:
        InputError: If a map is damaged, differs from its image in size, or contains an invalid instance id.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases the global interpreter lock
        for _ in pool.map(_check_instances, pairs, paths):
            pass


def _check_instances(pair: Pair, path: Path) -> None:
    ids = read_instance_ids(path)
    expected = check_image(pair.image)
    if ids.shape != expected:
        raise InputError(
            f"{path} is {ids.shape[0]}x{ids.shape[1]} but its image {pair.image} is {expected[0]}x{expected[1]} "
            f"(height x width); copy the original again"
        )
    valid = np.take(_VALID_INSTANCES, ids)
    if not valid.all():
        value = int(ids[~valid][0])
        label = _WITHOUT_INSTANCES.get(value // 1000)
        what = "which is not an instance id" if label is None else f"an instance of {label!r}, which has no instances"
        raise InputError(
            f"{path} contains the value {value}, {what}; expected label id * 1000 + number, or a label id from "
            f"0 to {len(LABELS) - 1}: copy the original again"
        )
