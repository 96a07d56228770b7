"""The metadata of an exported file: JSON inside it, enough to use it without this library."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed
from feedbackward.plain_data import Form, check_form
from feedbackward.preprocessing import Preprocessing
from feedbackward.task import Task
from feedbackward.text_files import parse_json

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork

KEY = "feedbackward"
"""The key of the metadata in a file."""
FORMAT = 4
"""The version of the format; files of other versions are refused."""
TRIAL_SIZES = ((64, 96), (97, 131), (160, 128))
"""Height and width of the images on which a file for any size is compared with the network; larger ones for a
network that takes no images that small."""
_TASK: Form = {"name": str, "classes": int, "class_table": ({}, None)}
_FORM: Mapping[str, Form] = {
    "config": {"preprocessing": {}},
    "class_table": ({}, None),
    "in_channels": int,
    "output": str,
    "size": ([int], None),
    "smallest": int,
    "sizes": [[int]],
    "tasks": [_TASK],
    "version": str,
}
"""The data in a file of this format, beside the version of the format."""


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

    Raises:
        InputError: If they contradict each other.
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

    def __post_init__(self) -> None:
        if self.output not in ("logits", "classes"):
            raise InputError(f"the output is {self.output!r}; expected logits or classes")
        for size in (*self.sizes, *([self.size] if self.size else [])):
            if len(size) != 2 or min(size) < 1:
                raise InputError(f"a size is {[*size]}; expected height and width, both at least 1")
        if not self.tasks:
            check_form(self.config, {"classes": int}, source="its config", advice="export the network again")
            Task("", self.classes, self.class_table)  # which checks the table
        if min(self.smallest, *self.outputs.values()) < 1:
            raise InputError("a number of classes or the smallest size is below 1; expected at least 1")
        seen = Preprocessing.from_dict(self.config["preprocessing"])
        if seen.in_channels != self.in_channels:
            raise InputError(f"it has {self.in_channels} channels, and its preprocessing {seen.in_channels}")

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

    def check_values(self, inputs: Sequence[str], outputs: Sequence[str], *, path: object) -> None:
        """Check the names of a file's inputs and outputs.

        Raises:
            InputError: If they are not those of the metadata.
        """
        image, *expected = self.axes
        if [*inputs] != [image] or [*outputs] != expected:
            raise InputError(
                f"{path} has the inputs {listed(inputs)} and the outputs {listed(outputs)}; expected the input {image} "
                f"and {listed(expected)}: export the network again"
            )

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
        source, advice = f"the metadata of {path}", "export the network again"
        data = parse_json(text, source, advice=advice)
        check_form(data, {}, source=source, advice=advice)
        found = data.pop("format", 1)  # version 1 had the key "layout"
        if found != FORMAT:
            raise InputError(
                f"{path} has version {found!r} of the export format, written by feedbackward {data.get('version')}; "
                f"this version ({version('feedbackward')}) reads version {FORMAT}: export the network again"
            )
        check_form(data, _FORM, source=source, advice=advice)
        if unknown := sorted(data.keys() - _FORM.keys()):
            raise InputError(f"{source} has {listed(unknown)}; expected {listed(_FORM)}: {advice}")
        try:
            return cls(**data | _objects(data))
        except InputError as error:
            raise InputError(f"{source}: {error}") from error


def _objects(data: dict[str, Any]) -> dict[str, Any]:
    """The values of the data that are objects."""
    tasks = tuple(Task(**task | {"class_table": _table(task["class_table"])}) for task in data["tasks"])
    size = None if data["size"] is None else tuple(data["size"])
    sizes = tuple(map(tuple, data["sizes"]))
    return {"class_table": _table(data["class_table"]), "tasks": tasks, "size": size, "sizes": sizes}


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
        sizes=(size, size, size) if size else _trial_sizes(network.smallest),
        tasks=getattr(network, "tasks", ()),
    )


def _trial_sizes(smallest: int) -> tuple[tuple[int, int], ...]:
    more = max(0, smallest - min(map(min, TRIAL_SIZES)))
    return tuple((height + more, width + more) for height, width in TRIAL_SIZES)
