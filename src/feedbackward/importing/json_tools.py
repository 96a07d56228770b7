"""Which annotation tool wrote a JSON file."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from feedbackward.importing.json_files import read_json

Tool = Literal["coco", "label studio", "labelme", "other"]

RESULTS = ("annotations", "completions")
"""What the results of a task are called in Label Studio, now and formerly."""


def json_files(root: Path, tool: Tool) -> list[Path]:
    """The JSON files of a tool in a folder and its subfolders, sorted; hidden ones are left out.

    Raises:
        InputError: If a file is not JSON.
    """
    paths = [path for path in sorted(root.rglob("*.json")) if path.is_file() and not path.name.startswith(".")]
    return [path for path in paths if _remembered_tool(path, path.stat().st_mtime_ns) == tool]


@lru_cache(maxsize=1 << 20)
def _remembered_tool(path: Path, mtime: int) -> Tool:  # noqa: ARG001  a changed file is read again
    """The tool of a file, which each layout asks for; its content, which may be large, is not kept."""
    return _tool(read_json(path))


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
