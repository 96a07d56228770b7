"""The scene parsing benchmark of ADE20K: 150 classes.

Zhou et al. (2017), "Scene parsing through ADE20K dataset"; sceneparsing.csail.mit.edu.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.errors import InputError
from feedbackward.importing.found import FoundData, Sample, unpaired
from feedbackward.importing.split_names import named_split
from feedbackward.text_files import read_text, whole_number

NAME = "ADEChallengeData2016"
CLASSES = "objectInfo150.txt"
OTHER = 0
"""The value of pixels of none of the classes."""


def find(root: Path) -> FoundData | None:
    """The images of ADEChallengeData2016; None if it is neither in root nor in the folder of that name in root.

    Other data sets have the same folders: this one has objectInfo150.txt, or images named ADE_train_00000001.

    Raises:
        InputError: If objectInfo150.txt is missing or damaged, or no annotation belongs to an image.
    """
    base = next((base for base in (root, root / NAME) if _is_ade20k(base)), None)
    if base is None:
        return None
    if not (base / CLASSES).is_file():
        raise InputError(
            f"no {base / CLASSES}, which names the classes; copy it from {NAME}.zip "
            f"(data.csail.mit.edu/places/ADEchallenge/{NAME}.zip)"
        )
    samples, notes = list[Sample](), list[str]()
    for folder in _folders(base):
        images = list_files(base / "images" / folder, IMAGE_SUFFIXES)
        masks = list_files(base / "annotations" / folder, IMAGE_SUFFIXES)
        names = sorted(images.keys() & masks.keys())
        samples += [Sample(name, images[name], masks[name], named_split(folder)) for name in names]
        notes += [f"{folder}: {note}" for note in unpaired(images, masks)]
    if not samples:
        raise InputError(f"{base}: no annotation has the name of an image; unpack {NAME}.zip again")
    return FoundData("ADE20K folders", tuple(samples), _classes(base / CLASSES), tuple(notes))


def _is_ade20k(base: Path) -> bool:
    folders = _folders(base)
    return bool(folders) and (
        (base / CLASSES).is_file() or any(any((base / "images" / folder).glob("ADE_*")) for folder in folders)
    )


def _folders(base: Path) -> list[str]:
    return [
        name
        for name in ("training", "validation")
        if (base / "images" / name).is_dir() and (base / "annotations" / name).is_dir()
    ]


def _classes(path: Path) -> dict[str, Any]:
    """The content of a class file from the table of the classes."""
    lines = read_text(path, expected=f"the table of classes of {NAME}.zip").splitlines()
    header, *rows = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()] or [[]]
    if not {"Idx", "Name"} <= set(header) or not rows:
        raise InputError(f"{path}: expected tab-separated columns Idx, Ratio, Train, Val, Name; copy it again")
    index, name = header.index("Idx"), header.index("Name")
    synonyms: dict[int, list[str]] = {}
    for row in rows:
        value = whole_number(row[index]) if len(row) > max(index, name) else None
        if value is None or value in (OTHER, *synonyms):
            raise InputError(
                f"{path}: expected a line of {', '.join(header)} for each class, found {row}; copy it again"
            )
        synonyms[value] = [word for part in row[name].split(",") if (word := part.strip())]
    return {
        "ignore": OTHER,
        "classes": [
            {"name": name, "value": value} for value, name in zip(synonyms, unique_names(synonyms.items()), strict=True)
        ],
    }


def unique_names(classes: Iterable[tuple[int, list[str]]]) -> list[str]:
    """A name for each class: the first of its synonyms that no earlier class has, or with its index.

    Example:
        >>> unique_names([(5, ["door"]), (14, ["door", "double door"]), (19, ["door"])])
        ['door', 'double door', 'door 19']
    """
    names: list[str] = []
    for index, synonyms in classes:
        free = (name for name in synonyms if name not in names)
        names.append(next(free, f"{synonyms[0] if synonyms else 'class'} {index}"))
    return names
