"""What requests are answered with about networks and results, as plain JSON data."""

from typing import Any

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.background import background_class
from feedbackward.segmenters.outputs import OUTPUTS, Output, OutputOptions
from feedbackward.segmenters.reduced import reduced_size
from feedbackward.serving.batching import Batches
from feedbackward.serving.offered import Offer
from feedbackward.serving.results import Stored, read_array
from feedbackward.task import Task

CONFIDENCE = OUTPUTS["confidence"]


def describe_model(offer: Offer, batches: Batches) -> dict[str, Any]:
    """A network to choose; its tasks are null until it is loaded."""
    network = batches.network
    tasks = None if network is None else list(map(_describe_task, network.tasks, network.tables))
    return {"id": offer.id, "title": offer.title, "kind": offer.kind, "tasks": tasks}


def _describe_task(task: Task, table: ClassTable) -> dict[str, Any]:
    classes = [_class(table, index) for index in range(len(table))]
    return {"name": task.name, "classes": classes, **_special(table)}


def describe_image(stored: Stored, tasks: list[str]) -> dict[str, Any]:
    """The part of the description of an image's result that its files tell."""
    url = f"/api/results/{stored.id}"
    height, width = read_array(stored.mask(0)).shape
    shown_height, shown_width = reduced_size((height, width))
    return {
        "id": stored.id,
        "kind": "image",
        "name": stored.name,
        "width": width,
        "height": height,
        "shown": {"width": shown_width, "height": shown_height},
        "image": f"{url}/image",
        "tasks": [_task_result(stored, index, name, f"{url}/{index}") for index, name in enumerate(tasks)],
    }


def describe_video(stored: Stored, *, size: tuple[int, ...], frames: int) -> dict[str, Any]:
    """The part of the description of a video's result that its files tell."""
    url, table = f"/api/results/{stored.id}/video", stored.tables[0]
    return {
        "id": stored.id,
        "kind": "video",
        "name": stored.name,
        "width": size[1],
        "height": size[0],
        "frames": frames,
        "tasks": [{"name": "", "classes": [_class(table, index) for index in range(len(table))], **_special(table)}],
        "video": url,
        "downloads": {"overlays": url},
    }


def _task_result(stored: Stored, index: int, name: str, url: str) -> dict[str, Any]:
    result, has_confidence = stored.result(index), stored.confidence(index).exists()
    table = result.table
    classes = [
        {**_class(table, table.names.index(name)), "pixels": pixels, "share": pixels / result.mask.size}
        for name, pixels in result.areas.items()
    ]
    kinds = [kind for kind in suitable(table) if kind is not CONFIDENCE or has_confidence]
    return {
        "name": name,
        "classes": classes,
        **_special(table),
        "mask": f"{url}/mask",
        "confidence": f"{url}/confidence" if has_confidence else None,
        "downloads": {kind.name: f"{url}/download/{kind.name}" for kind in kinds},
    }


def suitable(table: ClassTable) -> list[Output]:
    """The kinds of files that suit some classes and need no probabilities but those of the mask."""
    return [kind for kind in OUTPUTS.values() if kind is CONFIDENCE or _suits(kind, table)]


def _suits(kind: Output, table: ClassTable) -> bool:
    try:
        kind.check(table, OutputOptions())
    except InputError:  # not for such classes
        return False
    return not kind.needs_probabilities


def _class(table: ClassTable, index: int) -> dict[str, Any]:
    red, green, blue = table.colors[index]
    return {"index": index, "name": table.names[index], "color": f"#{red:02x}{green:02x}{blue:02x}"}


def _special(table: ClassTable) -> dict[str, Any]:
    """The indices that are no classes of interest."""
    return {"ignore_index": table.ignore_index, "background": background_class(table)}
