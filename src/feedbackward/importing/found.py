"""What lies in a folder of images and annotations, in one form for all layouts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.arguments import Split
from feedbackward.errors import InputError, listed

IGNORED = 255
"""The value of ignored pixels in drawn masks."""


class Drawing(Protocol):
    """An annotation that is not a mask file, such as polygons, or a mask within a larger file."""

    def draw(self, height: int, width: int) -> NDArray[np.uint8 | np.uint16]:
        """The values of the mask (height, width), which FoundData.classes describes; IGNORED for ignored polygons.

        Raises:
            InputError: If the annotation does not fit this size, or cannot be read.
        """
        ...


@dataclass(frozen=True)
class Sample:
    """An image and its annotation.

    Args:
        name: Unique in its split, usable as the name of a file.
        image: The image's file, or a function that returns its pixels (H, W, C).
        mask: The mask's file, or what draws it.
        split: The split that it belongs to, if the data set says so.
    """

    name: str
    image: Path | Callable[[], NDArray[Any]]
    mask: Path | Drawing
    split: Split | None = None


@dataclass(frozen=True)
class FoundData:
    """The samples of a data set.

    Args:
        layout: The layout, for messages: "labelme files".
        samples: The images with their annotations, sorted by name.
        classes: A class file that describes the masks, or the content of one, as read_class_file reads it; None if the
            masks themselves have to tell.
        notes: What was left out or assumed, one line each.
    """

    layout: str
    samples: tuple[Sample, ...]
    classes: dict[str, Any] | Path | None = None
    notes: tuple[str, ...] = field(default=())


def flat_name(path: Path, root: Path) -> str:
    """The name of a sample: the path below the root without its suffix, with __ between the parts.

    Example:
        >>> flat_name(Path("data/left/01.jpg"), Path("data"))
        'left__01'
    """
    return "__".join(path.relative_to(root).with_suffix("").parts)


def unpaired(images: Mapping[Any, Path], masks: Mapping[Any, Path]) -> tuple[str, ...]:
    """The notes about images without a mask and masks without an image, by their keys."""
    return tuple(
        f"left out {len(alone)} {what}: {listed(map(str, alone), most=3)}"
        for what, ours, others in (("images without a mask", images, masks), ("masks without an image", masks, images))
        if (alone := [ours[key] for key in sorted(ours.keys() - others.keys())])
    )


def check_names(samples: Iterable[Sample], *, where: Path) -> None:
    """Refuse samples of one name, of which one would replace the other.

    Raises:
        InputError: If a name occurs twice in a split.
    """
    counts = Counter((sample.split, sample.name) for sample in samples)
    repeated = sorted({name for (_, name), count in counts.items() if count > 1})
    if repeated:
        raise InputError(
            f"{where}: images of one name ({len(repeated)}): {listed(repeated)}; rename one of each, as an "
            f"image and its mask are found by name"
        )
