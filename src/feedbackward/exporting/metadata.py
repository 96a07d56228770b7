"""The metadata of an exported file: JSON inside it, enough to use it without this library."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.task import Task

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork

KEY = "feedbackward"
"""The key of the metadata in a file."""
FORMAT = 4
"""The version of the format; files of other versions are refused."""
TRIAL_SIZES = ((64, 96), (97, 131), (160, 128))
"""Height and width of the images on which a file for any size is compared with the network."""


@dataclass(frozen=True)
class Metadata:
    """The input, the output and the classes of an exported file.

    Args:
        config: The network's configuration, as in its config.json.
        class_table: Names and colors of the classes, if known; None for several adapters.
        in_channels: The channels of the images, which are float32 with values in [0, 1]; three are RGB.
        output: "logits" (N, classes, H, W) as float32, or "classes" (N, H, W) as 8-bit integers. Also the name of the
            output, unless there are several tasks: then each has an output of its name.
        size: The fixed height and width of the images, or None for any from `smallest` on.
        smallest: The smallest height and width.
        sizes: Height and width of the three batches on which the file was compared with the network.
        tasks: The tasks, if there are several; of overlapping classes one each.
        version: The version of this library that wrote the file.
    """

    config: dict[str, Any]
    class_table: ClassTable | None
    in_channels: int
    output: Literal["logits", "classes"]
    size: tuple[int, int] | None
    smallest: int
    sizes: tuple[tuple[int, int], ...]
    tasks: tuple[Task, ...] = ()
    version: str = version("feedbackward")

    @property
    def classes(self) -> int:
        """The number of classes, of all tasks."""
        return sum(self.outputs.values())

    @property
    def outputs(self) -> dict[str, int]:
        """The names of the outputs in order, and the number of classes of each."""
        if self.tasks:
            return {task.name: task.classes for task in self.tasks}
        return {self.output: int(self.config["classes"])}

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """The names of the axes of the input and the outputs."""
        pixels = ("height", "width")
        output = ("batch", "classes", *pixels) if self.output == "logits" else ("batch", *pixels)
        return {"image": ("batch", "channels", *pixels), **dict.fromkeys(self.outputs, output)}

    def to_json(self) -> str:
        """Serialize the metadata; from_json is the inverse."""
        tasks = [{**vars(task), "class_table": _plain(task.class_table)} for task in self.tasks]
        return json.dumps({"format": FORMAT, **vars(self), "class_table": _plain(self.class_table), "tasks": tasks})

    @classmethod
    def from_json(cls, text: str | None, *, path: object) -> "Metadata":
        """Parse the metadata of a file.

        Args:
            text: The JSON, or None if the file contains none.
            path: The file, for error messages.

        Raises:
            InputError: If there is no metadata, or it has another version of the format.
        """
        if text is None:
            raise InputError(f"{path} was not written by `feedbackward export`: it contains no metadata")
        data = json.loads(text)
        found = data.pop("format", 1)  # version 1 had the key "layout"
        if found != FORMAT:
            raise InputError(
                f"{path} has version {found} of the export format, written by feedbackward {data['version']}; this "
                f"version ({version('feedbackward')}) reads version {FORMAT}: export the network again"
            )
        data["class_table"] = _table(data["class_table"])
        data["tasks"] = tuple(Task(**task | {"class_table": _table(task["class_table"])}) for task in data["tasks"])
        data["size"] = None if data["size"] is None else tuple(data["size"])
        return cls(**data | {"sizes": tuple(map(tuple, data["sizes"]))})


def _plain(table: ClassTable | None) -> dict[str, Any] | None:
    return None if table is None else table.to_dict()


def _table(data: dict[str, Any] | None) -> ClassTable | None:
    return None if data is None else ClassTable.from_dict(data)


def describe(
    network: "SegmentationNetwork | OptimizedNetwork | TaskNetwork", *, argmax: bool, size: tuple[int, int] | None
) -> Metadata:
    """Return the metadata of a file to be exported.

    Args:
        network: The network.
        argmax: Whether the file outputs classes instead of logits.
        size: A fixed height and width of the images, or None for any.

    Raises:
        InputError: If it has a classifier of whole images.
    """
    if getattr(network, "classifier", None) is not None:
        raise InputError("the classes of whole images are not exported; load the tasks without the classifier")
    return Metadata(
        config=network.config,
        class_table=network.class_table,
        in_channels=network.preprocessing.in_channels,
        output="classes" if argmax else "logits",
        size=size,
        smallest=network.smallest,
        sizes=(size, size, size) if size else TRIAL_SIZES,
        tasks=getattr(network, "tasks", ()),
    )
