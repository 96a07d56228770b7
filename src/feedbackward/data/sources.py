"""The registry of data sets, which fit, evaluate, predict and quantize use.

A new data set is a file, for example camvid.py, and an entry of `_SOURCES`. Entries name classes and datamodule by
their paths, so that the registry itself imports almost nothing.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from feedbackward.data.predictions import Pairing, pair_by_key, pair_by_path, pair_by_scene
from feedbackward.errors import InputError, nearest

if TYPE_CHECKING:
    from feedbackward.data.encodings import MaskClasses

Scoring: TypeAlias = Literal["classes", "cityscapes"]
"""Which scores a data set has: those of any classes, or also the category and instance scores of Cityscapes."""

Layout: TypeAlias = Literal["masks", "cityscapes"]
"""How predictions are written: class indices under the image's name, or the label ids of the Cityscapes benchmark."""


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Description of a data set.

    Args:
        name: Its name on the command line.
        datamodule: Path of its Lightning datamodule, for training and for scoring a network.
        classes: Path of its MaskClasses, the classes and their encoding; None if a class file has to name them.
        scoring: The scores that it has.
        layout: How predictions are written so that they can be scored.
        marks: The paths in its folder by which it is recognized; none if it is not recognized so.
        pair: Finds the prediction of each ground-truth file.
    """

    name: str
    datamodule: str
    classes: str | None
    scoring: Scoring = "classes"
    layout: Layout = "masks"
    marks: tuple[str, ...] = ()
    pair: Pairing = pair_by_path

    def fits(self, root: Path) -> bool:
        """Whether a folder has its layout."""
        return bool(self.marks) and all((root / mark).exists() for mark in self.marks)

    def read_classes(self, class_file: Path | None = None) -> "MaskClasses":
        """The classes and their encoding.

        Args:
            class_file: The class file, for a data set that needs one.

        Raises:
            InputError: If the class file is missing, superfluous or malformed, or its classes overlap.
        """
        if self.classes is None:
            if class_file is None:
                raise InputError(
                    f"the data set {self.name} needs a class file (YAML or JSON) that names its classes: --classes FILE"
                )
            from feedbackward.data.class_file import read_class_file

            described = read_class_file(class_file)
            if described.table.overlapping:
                raise InputError(
                    f"{class_file}: the classes overlap (masks: layers); score the network with `feedbackward "
                    f"validate`, or the files of one class with a class file of 'classes: [background, NAME]'"
                )
            return described
        if class_file is not None:
            raise InputError(f"the data set {self.name} has its own classes: omit the class file {class_file}")
        module, _, name = self.classes.rpartition(".")
        classes: MaskClasses = getattr(import_module(module), name)
        return classes


_SOURCES = (
    DataSource(
        name="cityscapes",
        datamodule="feedbackward.data.cityscapes.CityscapesData",
        classes="feedbackward.data.cityscapes_labels.CITYSCAPES_CLASSES",
        scoring="cityscapes",
        layout="cityscapes",
        marks=("leftImg8bit/train", "leftImg8bit/val", "gtFine/train", "gtFine/val"),
        pair=pair_by_scene,
    ),
    DataSource(
        name="camvid",
        datamodule="feedbackward.data.camvid.CamVidData",
        classes="feedbackward.data.camvid_labels.CAMVID_CLASSES",
        marks=("train", "trainannot", "val", "valannot"),
    ),
    DataSource(
        name="folder",
        datamodule="feedbackward.data.folder.FolderData",
        classes=None,
    ),
    DataSource(
        name="shards",
        datamodule="feedbackward.data.shards.ShardsData",
        classes=None,
        pair=pair_by_key,
    ),
    DataSource(
        name="streets",
        datamodule="feedbackward.streets.datamodule.StreetsData",
        classes="feedbackward.data.cityscapes_labels.CITYSCAPES_CLASSES",
        scoring="cityscapes",
        layout="cityscapes",
        pair=pair_by_scene,
    ),
)


def list_sources() -> list[str]:
    """The names of the data sets.

    Example:
        >>> list_sources()
        ['cityscapes', 'camvid', 'folder', 'shards', 'streets']
    """
    return [source.name for source in _SOURCES]


def find_source(name: str) -> DataSource:
    """The description of a data set.

    Raises:
        InputError: If no data set has that name.

    Example:
        >>> find_source("camvid").read_classes().table.names[3]
        'road'
    """
    for source in _SOURCES:
        if source.name == name:
            return source
    raise InputError(f"unknown data set {name!r}; {nearest(name, list_sources())}")


def recognize_source(root: Path) -> DataSource | None:
    """The data set that a folder contains, by its layout; None if it has another one, or a class file of its own."""
    from feedbackward.data.class_file import own_class_file

    if own_class_file(root) is not None:
        return None
    return next((source for source in _SOURCES if source.fits(root)), None)
