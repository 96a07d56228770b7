"""The protocol of everything that segments images: networks, exported files, and wrappers around either."""

from typing import TYPE_CHECKING, Protocol

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing
from feedbackward.task import Task, tasks_of

if TYPE_CHECKING:
    from torch import Tensor, device

    from feedbackward.nn import Coarse

MOST_CLASSES = 256
"""The number of classes that a mask of 8 bits per pixel can hold."""


class Segmenter(Protocol):
    """Maps a batch of images to logits.

    Normalization, resizing and the CRF are wrappers around a segmenter and segmenters themselves, so that training,
    prediction, evaluation and export compute the same.
    """

    @property
    def class_table(self) -> ClassTable | None:
        """Names and colors of the classes, if known."""
        ...

    @property
    def classes(self) -> int:
        """The number of classes."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are read and resized, and the normalization that `logits` expects to have been applied."""
        ...

    @property
    def device(self) -> "device | None":
        """The device of the parameters; None for a file, which accepts NumPy arrays as well as tensors."""
        ...

    @property
    def outputs_logits(self) -> bool:
        """False for a file that outputs classes: its logits are one-hot and cannot be interpolated."""
        ...

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which an image of that height and width is padded before `logits`.

        It is the size itself for a network, which pads its images, and at least the smallest size for a file.
        """
        ...

    def logits(self, images: "Tensor") -> "Tensor":
        """Compute the logits (N, classes, H, W) of preprocessed images (N, C, H, W)."""
        ...

    def coarse_logits(self, images: "Tensor", /) -> "Coarse | None":
        """Compute what `logits` interpolates in the end; None where that is not how the logits are made."""
        ...


class Wrapper:
    """The base of the wrappers, with the properties of the wrapped segmenter. Images are in [0, 1].

    Args:
        segmenter: The segmenter to wrap.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    @property
    def class_table(self) -> ClassTable | None:
        """Names and colors of the classes, if known."""
        return self.segmenter.class_table

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.segmenter.classes

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the wrapped segmenter."""
        return tasks_of(self.segmenter)

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are read and resized, without normalization."""
        return self.segmenter.preprocessing.without_normalization()

    @property
    def device(self) -> "device | None":
        """The device of the parameters; None for a file."""
        return self.segmenter.device

    @property
    def outputs_logits(self) -> bool:
        """False for a file that outputs classes."""
        return self.segmenter.outputs_logits

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which an image of that height and width is padded before `logits`."""
        return self.segmenter.padded_size(size)

    def coarse_logits(self, _: "Tensor", /) -> "Coarse | None":
        """None: a wrapper computes logits from those at the size of the images."""
        return None


def check_logits(segmenter: Segmenter, what: str) -> None:
    """Refuse a segmenter that outputs classes.

    Args:
        segmenter: The segmenter.
        what: What needs logits, for the message.

    Raises:
        InputError: If it outputs classes.
    """
    if not segmenter.outputs_logits:
        raise InputError(f"the exported file outputs classes, but {what} needs logits: export it without --argmax")
