"""Lists of classes as annotation tools write them beside masks: labelmap.txt of CVAT, and one name a line."""

from collections import Counter
from pathlib import Path
from typing import Any

from feedbackward.data.class_file import own_class_file
from feedbackward.errors import InputError, listed
from feedbackward.text_files import read_text, whole_number

LABEL_MAP = "labelmap.txt"
VOC_IGNORED = "ignored"
"""What Datumaro calls the void of Pascal VOC in labelmap.txt."""
LABELME_IGNORED = "__ignore__"
"""What labelme has in the first line of its lists; its masks have no such value."""
NAME_LISTS = ("classes.txt", "labels.txt", "class_names.txt")


def class_list(root: Path) -> dict[str, Any] | Path | None:
    """The class file in a folder, or the content of one from a list of its classes; None if there is neither.

    Raises:
        InputError: As read_class_list.
    """
    return own_class_file(root) or read_class_list(root)


def read_class_list(root: Path) -> dict[str, Any] | None:
    """The content of a class file from a list in a folder; None if there is no list.

    Raises:
        InputError: If a list is damaged, or names no classes.
    """
    if (root / LABEL_MAP).is_file():
        return _label_map(root / LABEL_MAP)
    for name in NAME_LISTS:
        if (root / name).is_file():
            return {"classes": _unique([line for line in _lines(root / name) if line != LABELME_IGNORED], root / name)}
    return None


def _label_map(path: Path) -> dict[str, Any]:
    """CVAT's `name:r,g,b:parts:actions`; the masks have the colors."""
    colors = dict[str, list[int]]()
    lines = [line for line in _lines(path) if not line.startswith("#")]
    for line in lines:
        name, _, rest = line.partition(":")
        values = rest.partition(":")[0].split(",")
        color = [value for value in map(whole_number, values) if value is not None and value <= 255]
        if len(values) != 3 or len(color) != 3:
            raise InputError(f"{path}: expected NAME:RED,GREEN,BLUE::, found {line!r}; correct the line")
        colors[name] = color
    _unique([line.partition(":")[0] for line in lines], path)
    ignored = {"ignore": colors.pop(VOC_IGNORED)} if VOC_IGNORED in colors else {}
    return {"masks": "colors", **ignored, "classes": [{"name": name, "color": color} for name, color in colors.items()]}


def _unique(names: list[str], path: Path) -> list[str]:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated or not names:
        problem = f"classes that occur more than once: {listed(repeated)}" if repeated else "no classes"
        raise InputError(f"{path}: {problem}; expected the name of one class in each line")
    return names


def _lines(path: Path) -> list[str]:
    lines = [line.strip() for line in read_text(path, expected="text, one class a line").splitlines()]
    return [line for line in lines if line]
