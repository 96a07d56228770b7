"""What an exported file says of itself, as JSON that it carries: enough to use it without this library."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.models import SegmentationNetwork
from feedbackward.models.optimized import OptimizedNetwork

KEY = "feedbackward"
"""Under which the metadata stands in a file."""
LAYOUT = 1
"""Of the metadata; a file with another one is refused."""


@dataclass(frozen=True)
class Metadata:
    """The input, the output and the classes of an exported network.

    Args:
        config: What builds the network again, as in its config.json.
        class_table: The names and colors of its classes, where they are known.
        in_channels: The channels of the image, which is float32 with values in [0, 1]; RGB where it has three.
        output: "scores" (N, classes, H, W) as float32, or "classes" (N, H, W) as 8-bit integers.
        size: The height and width that the file takes; None where it takes any.
        smallest: The smallest height and width that it then takes.
        sizes: Three sizes at which the file was compared with the network.
        version: Of the library that wrote it.
    """

    config: dict[str, Any]
    class_table: ClassTable | None
    in_channels: int
    output: str
    size: tuple[int, int] | None
    smallest: int
    sizes: tuple[tuple[int, int], ...]
    version: str = version("feedbackward")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.config["classes"])

    def to_json(self) -> str:
        """The metadata as text; from_json is its inverse."""
        table = None if self.class_table is None else self.class_table.to_dict()
        return json.dumps({"layout": LAYOUT, **asdict(self), "class_table": table})

    @classmethod
    def from_json(cls, text: str | None, *, path: object) -> "Metadata":
        """Read a metadata.

        Args:
            text: What stands in the file; None where there is nothing.
            path: The file, for the message.

        Raises:
            InputError: If it is none, or one of another version.
        """
        if text is None:
            raise InputError(f"{path} was not written by `feedbackward export`: it does not describe itself")
        data = json.loads(text)
        if data.pop("layout") != LAYOUT:
            raise InputError(
                f"{path} was written by feedbackward {data['version']}, whose files this version "
                f"({version('feedbackward')}) does not read; export the network again"
            )
        data["class_table"] = None if data["class_table"] is None else ClassTable.from_dict(data["class_table"])
        data["size"] = None if data["size"] is None else tuple(data["size"])
        return cls(**data | {"sizes": tuple(map(tuple, data["sizes"]))})


def describe(
    network: SegmentationNetwork | OptimizedNetwork, *, argmax: bool, size: tuple[int, int] | None
) -> Metadata:
    """The metadata of the file that a network will be exported to.

    Args:
        network: The network.
        argmax: Whether the file gives classes and not scores.
        size: The one size that it is to take, or None.
    """
    return Metadata(
        config=network.config,
        class_table=network.class_table,
        in_channels=network.config["in_channels"],
        output="classes" if argmax else "scores",
        size=size,
        smallest=network.smallest,
        sizes=(size, size, size) if size else ((64, 96), (97, 131), (160, 128)),
    )
