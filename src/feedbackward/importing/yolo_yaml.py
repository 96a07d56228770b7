"""data.yaml of YOLO data sets: the names of the classes and the images of each split."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedbackward.data.arguments import SPLITS, Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.data_files import data_files, is_hidden, is_named_file, is_named_folder
from feedbackward.importing.entries import reading
from feedbackward.text_files import parse_yaml, read_text

NAMES = re.compile(r"^names\s*:", re.MULTILINE)


@dataclass(frozen=True)
class YoloYaml:
    """What data.yaml says.

    Args:
        names: The name of each class by its index.
        images: The images, each with its split.
        notes: What was left out or assumed, one line each.
    """

    names: dict[int, str]
    images: dict[Path, Split]
    notes: tuple[str, ...]


def read_yolo_yaml(root: Path) -> YoloYaml | None:
    """Read the YAML file in a folder that has names, and train, val or test; None if there is none.

    Raises:
        InputError: If there are several, one is damaged, or the images of train or val do not exist.
    """
    found = {
        path: data
        for path in sorted(root.iterdir())
        if path.suffix.lower() in (".yaml", ".yml") and not is_hidden(Path(path.name)) and _is_yolo(data := _load(path))
    }
    if not found:
        return None
    if len(found) > 1:
        raise InputError(f"{root}: {listed(found)} all describe a YOLO data set; keep one of them")
    ((path, data),) = found.items()
    with reading("names", path):
        given = data["names"]
        pairs = given.items() if isinstance(given, dict) else enumerate(given)
        names = {int(index): str(name) for index, name in pairs}
    base, notes = path.parent / str(data.get("path") or ""), list[str]()
    if not is_named_folder(base):
        notes.append(f"{path}: the folder {base} (path) does not exist; {path.parent} is used instead")
        base = path.parent
    images: dict[Path, Split] = {}
    for split in SPLITS:
        entries = data.get(split) or []
        for entry in entries if isinstance(entries, list) else [entries]:
            place = _place(str(entry), base)
            if place is None:
                problem = f"{path}: {base / str(entry)} ({split}) does not exist"
                if split != "test":
                    raise InputError(f"{problem}; expected a folder of images, or a text file of their paths")
                notes.append(f"{problem} and is left out")
                continue
            for image in _images(place, base):
                if images.setdefault(image, split) != split:
                    raise InputError(f"{path}: {image} is in {images[image]} and {split}; remove it from one of them")
    return YoloYaml(names, images, tuple(notes))


def _is_yolo(data: Any) -> bool:
    return isinstance(data, dict) and "names" in data and not data.keys().isdisjoint(SPLITS)


def _load(path: Path) -> Any:
    """The content of a YAML file that has names; others may be of any kind, such as with tags of their own."""
    text = read_text(path, expected="a YAML file")
    return parse_yaml(text, path, advice="correct or remove it") if NAMES.search(text) else None


def _place(entry: str, base: Path) -> Path | None:
    """Where the images of an entry are; Roboflow writes ../train/images for train/images."""
    entry = entry.replace("\\", "/")
    places = (base / entry, base / entry.removeprefix("../"))
    return next((path for path in places if is_named_file(path) or is_named_folder(path)), None)


def _images(place: Path, base: Path) -> Iterator[Path]:
    if is_named_folder(place):
        yield from data_files(place, IMAGE_SUFFIXES)
        return
    lines = read_text(place, expected="a text file of paths, one a line").splitlines()
    for line in filter(None, map(str.strip, lines)):
        image = next((path for path in (place.parent / line, base / line) if is_named_file(path)), None)
        if image is None:
            raise InputError(f"{place}: the image {line} does not exist beside it or in {base}; correct the path")
        yield image
