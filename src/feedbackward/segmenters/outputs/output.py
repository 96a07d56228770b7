"""What a kind of output file is, and the options that the kinds share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO, TypeAlias

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.background import background_class
from feedbackward.segmenters.result import Result


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Options of output files; each kind uses those that it understands.

    Args:
        alpha: Opacity of the colors of overlays, 0 to 1.
        legend: Whether overlays and contours have a legend.
        background: Name of the class that is not painted and has no polygons; "none" if there is none. By default the
            class named "background".
        tolerance: Polygons in GeoJSON are simplified by about so many pixels; 0 is exact.

    Raises:
        InputError: If alpha is outside 0 to 1 or the tolerance is negative.
    """

    alpha: float = 0.5
    legend: bool = True
    background: str | None = None
    tolerance: float = 0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise InputError(f"alpha is {self.alpha}; expected an opacity from 0 to 1")
        if not self.tolerance >= 0:
            raise InputError(f"tolerance is {self.tolerance}; expected 0 pixels or more")

    def background_of(self, table: ClassTable) -> int | None:
        """The index of the background among some classes, if there is one.

        Raises:
            InputError: If no class has that name.
        """
        return background_class(table, self.background)


@dataclass(frozen=True)
class Record:
    """The output file of an image.

    Args:
        image: Name of the image: its path within the source, with its suffix.
        path: The file.
    """

    image: PurePath
    path: Path


Gather: TypeAlias = Callable[[list[Record], ClassTable, IO[bytes]], None]
"""Writes an open file about all images of a run from the output files of the single images, in their order."""


def check_background(table: ClassTable, options: OutputOptions) -> None:
    """The check of kinds that suit all classes: the background is one of them.

    Raises:
        InputError: If it is not.
    """
    options.background_of(table)


@dataclass(frozen=True, kw_only=True)
class Output:
    """A kind of output file, one for each image.

    Args:
        name: Name of the kind and of its folder.
        suffix: Suffix of its files.
        content: What a file contains, for help and documentation.
        write: Writes a result to an open file.
        needs_probabilities: Whether the result must have probabilities.
        check: Raises an InputError if the kind does not suit the classes or the options.
        file_name: The name of an image's file in place of the image's own, both with subfolders and without suffix.
        gathered: Files about all images, by name, and what writes each after the last image.
    """

    name: str
    suffix: str
    content: str
    write: Callable[[Result, OutputOptions, IO[bytes]], None]
    needs_probabilities: bool = False
    check: Callable[[ClassTable, OutputOptions], None] = check_background
    file_name: Callable[[str], str] = str
    gathered: Mapping[str, Gather] = field(default_factory=dict)

    def path(self, stem: str) -> Path:
        """The file of an image, within the output folder.

        Args:
            stem: Path of the image within the source, without suffix.

        Raises:
            InputError: If the kind needs names of another form.
        """
        return Path(self.name, self.file_name(stem) + self.suffix)
