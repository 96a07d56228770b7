"""A loaded network: the masks of images with the probability of each pixel's class, in tiles where they are large."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.segmenters.largest import largest_class
from feedbackward.segmenters.predictor import Predictor, to_array
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.segmenters.thresholds import table_of
from feedbackward.task import split_tasks

Progress: TypeAlias = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


@dataclass(frozen=True)
class Segmented:
    """The classes of an image's pixels.

    Args:
        mask: Class indices (H, W), uint8 or uint16.
        confidence: Of each pixel the probability of its class times 255, uint8 (H, W); None if the network outputs
            classes.
    """

    mask: NDArray[Any]
    confidence: NDArray[np.uint8] | None


class Network:
    """A loaded network or file.

    Args:
        segmenter: As load_segmenter returns it.

    Attributes:
        predictor: Reads and resizes as the network was trained.
        tasks: Its tasks.
        tables: The classes of each.

    Raises:
        InputError: If its classes are not known.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.predictor = Predictor(segmenter)
        self.tasks = self.predictor.tasks
        self.tables = [table_of(task) for task in self.tasks]
        self._kind = np.uint8 if max(task.classes for task in self.tasks) <= 254 else np.uint16

    def is_whole(self, image: NDArray[Any]) -> bool:
        """Whether an image (H, W, C) is segmented as a whole, so that others of its size can join it in a batch."""
        return self.predictor.is_whole((image.shape[0], image.shape[1]))

    def segment(self, images: Sequence[NDArray[Any]], progress: Progress) -> list[list[Segmented]]:
        """Segment images (H, W, C) of one size; for each image and task.

        Args:
            images: A single one if it is segmented in tiles.
            progress: Called after each tile.

        Raises:
            InputError: As Predictor.segment_tasks.
        """
        if self.is_whole(images[0]):
            stacks = self._reduce(self.predictor.logits(images))
            progress(1.0)
        else:
            (image,) = images
            size = image.shape[0], image.shape[1]
            bands = self.predictor.in_bands(
                lambda top, bottom: image[top:bottom], size, lambda logits: self._reduce(logits[None])[0], progress
            )
            stacks = np.concatenate(list(bands), 1)[None]
        return [[self._unstacked(*pair) for pair in zip(stack[::2], stack[1::2], strict=True)] for stack in stacks]

    def _reduce(self, logits: Any) -> NDArray[Any]:
        """Mask and confidence of each task (N, 2 * tasks, H, W), from logits (N, classes, H, W)."""
        parts = []
        for scores in map(to_array, split_tasks(logits, self.tasks)):
            confidence = 255 / np.exp(scores - scores.max(1, keepdims=True)).sum(1)
            parts += [largest_class(scores).astype(self._kind), np.rint(confidence).astype(self._kind)]
        return np.stack(parts, 1)

    def _unstacked(self, mask: NDArray[Any], confidence: NDArray[Any]) -> Segmented:
        known = self.predictor.outputs_logits
        return Segmented(mask, confidence.astype(np.uint8) if known else None)
