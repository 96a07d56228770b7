"""Which annotation tool wrote a JSON file."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.data_files import data_files
from feedbackward.text_files import read_json

Tool = Literal["coco", "label studio", "labelme", "other", "damaged"]

RESULTS = ("annotations", "completions")
"""What the results of a task are called in Label Studio, now and formerly."""


def json_files(root: Path, tool: Tool) -> list[Path]:
    """The JSON files of a tool in a folder and its subfolders, sorted; hidden ones are left out.

    Raises:
        InputError: If a file is not JSON and seems to be an annotation: it lies beside an image of its name, or is the
            only one. Others may be settings with comments; see damaged_note.
    """
    tools = {
        path: _remembered_tool(path, path.stat().st_mtime_ns) for path in data_files(root, (".json",)) if path.is_file()
    }
    for path, found in tools.items():
        if found == "damaged" and (len(tools) == 1 or _is_beside_image(path)):
            read_json(path)
    return [path for path, found in tools.items() if found == tool]


def damaged_note(root: Path) -> tuple[str, ...]:
    """The note about files that should be JSON, and cannot be read; empty if there are none.

    Raises:
        InputError: As json_files.
    """
    damaged = json_files(root, "damaged")
    return (f"left out {len(damaged)} files that are not valid JSON: {listed(damaged, most=3)}",) if damaged else ()


@lru_cache(maxsize=1 << 20)
def _remembered_tool(path: Path, mtime: int) -> Tool:  # noqa: ARG001  a changed file is read again
    """The tool of a file, which each layout asks for; its content, which may be large, is not kept."""
    try:
        return _tool(read_json(path))
    except InputError:
        return "damaged"


def _tool(data: Any) -> Tool:
    if isinstance(data, dict):
        if all(isinstance(data.get(key), list) for key in ("images", "annotations", "categories")):
            return "coco"
        if isinstance(data.get("shapes"), list) and "imagePath" in data:
            return "labelme"
    if isinstance(data, list) and data and all(map(_is_task, data)):
        return "label studio"
    return "other"


def _is_task(task: Any) -> bool:
    return isinstance(task, dict) and isinstance(task.get("data"), dict) and not task.keys().isdisjoint(RESULTS)


def _is_beside_image(path: Path) -> bool:
    return any(other.stem == path.stem and other.suffix.lower() in IMAGE_SUFFIXES for other in path.parent.iterdir())
