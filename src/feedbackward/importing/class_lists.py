"""Lists of classes as annotation tools write them beside masks: labelmap.txt of CVAT, and one name a line."""

from pathlib import Path
from typing import Any

from feedbackward.errors import InputError

LABEL_MAP = "labelmap.txt"
NAME_LISTS = ("classes.txt", "labels.txt", "class_names.txt")


def read_class_list(root: Path) -> dict[str, Any] | None:
    """The content of a class file from a list in a folder; None if there is no list.

    Raises:
        InputError: If a list is damaged.
    """
    if (root / LABEL_MAP).is_file():
        return _label_map(root / LABEL_MAP)
    for name in NAME_LISTS:
        if (root / name).is_file():
            return {"classes": _lines(root / name)}
    return None


def _label_map(path: Path) -> dict[str, Any]:
    """CVAT's `name:r,g,b:parts:actions`; the masks have the colors."""
    classes = []
    for line in _lines(path):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        try:
            color = [int(value) for value in rest.partition(":")[0].split(",")]
        except ValueError as error:
            raise InputError(f"{path}: expected NAME:RED,GREEN,BLUE::, found {line!r}") from error
        classes.append({"name": name, "color": color})
    return {"masks": "colors", "classes": classes}


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; expected text in UTF-8, one class a line") from error
    return [line for line in lines if line]
