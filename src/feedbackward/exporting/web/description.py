"""What the page has to know about a network: how images are prepared, and the classes of its outputs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from feedbackward.errors import InputError
from feedbackward.exporting.formats.onnx import INPUT
from feedbackward.exporting.metadata import Metadata
from feedbackward.preprocessing import Preprocessing
from feedbackward.segmenters.background import background_class
from feedbackward.segmenters.thresholds import table_of
from feedbackward.task import Task, tasks_of

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork

FORMAT = 1
_BYTE_RANGE = (0, 255)


def check_suitable(network: "SegmentationNetwork | OptimizedNetwork | TaskNetwork", *, argmax: bool) -> None:
    """Check that a browser can give a network its images, and that the page can show its classes.

    Raises:
        InputError: If it takes images that browsers do not decode, its classes have no names, or a file that outputs
            classes would have to resize them.
    """
    seen = network.preprocessing
    if isinstance(seen.channels, int):
        raise InputError(
            f"the network takes images of {seen.channels} bands, and browsers decode gray and color images only; "
            f"export it without --web"
        )
    if seen.value_range not in (None, _BYTE_RANGE):
        raise InputError(
            f"the network takes values from {seen.value_range[0]:g} to {seen.value_range[1]:g}, and browsers decode "
            f"images to 8 bits; export it without --web"
        )
    for task in tasks_of(network):
        table_of(task)
    if argmax and seen.resize:
        raise InputError(
            f"the network's images are {seen.resize}, and classes cannot be resized to the image's own size; omit "
            f"--argmax"
        )


def describe_for_page(metadata: Metadata, *, runtime: str) -> dict[str, Any]:
    """The content of description.json, plain JSON data.

    Args:
        metadata: The metadata of the exported file.
        runtime: The name and version of the runtime.
    """
    preprocessing = Preprocessing.from_dict(metadata.config["preprocessing"]).without_normalization()
    tasks = metadata.tasks or (Task("", metadata.classes, metadata.class_table),)
    return {
        "format": FORMAT,
        "version": metadata.version,
        "runtime": runtime,
        "input": {
            "name": INPUT,
            "channels": preprocessing.channels,
            "size": metadata.size,
            "smallest": metadata.smallest,
            "resize": {name: value for name, value in asdict(preprocessing.resize).items() if value is not None},
        },
        "output": metadata.output,
        "tasks": [
            {"output": output, "name": task.name, **_classes(task)}
            for output, task in zip(metadata.outputs, tasks, strict=True)
        ],
    }


def _classes(task: Task) -> dict[str, Any]:
    table = table_of(task)
    colors = ("#{:02x}{:02x}{:02x}".format(*color) for color in table.colors)
    classes = [{"name": name, "color": color} for name, color in zip(table.names, colors, strict=True)]
    return {"classes": classes, "background": background_class(table)}
