"""Calibration: whether pixels of a confidence of 0.8 are right in 80 of 100 cases.

"On Calibration of Modern Neural Networks" (Guo et al., 2017), over the labeled pixels of a data set.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.explaining.tasks import choose_task
from feedbackward.segmenters.inputs import Source, as_image
from feedbackward.segmenters.predictor import Predictor

BINS = 15
"""The number of bins, as in the paper."""


@dataclass(frozen=True)
class Calibration:
    """Pixels by their confidence, in bins of the same width: bin m of M contains confidences in ((m - 1) / M, m / M].

    Calibrations of different pixels can be added.

    Args:
        pixels: The number of pixels in each bin.
        confidence: The sum of their confidences.
        correct: The number of them whose class is right.
    """

    pixels: NDArray[np.int64]
    confidence: NDArray[np.float64]
    correct: NDArray[np.int64]

    def __add__(self, other: "Calibration") -> "Calibration":
        return Calibration(self.pixels + other.pixels, self.confidence + other.confidence, self.correct + other.correct)

    @property
    def count(self) -> int:
        """The number of pixels."""
        return int(self.pixels.sum())

    @property
    def error(self) -> float:
        """The expected calibration error (ECE): the mean over all pixels of the gap in their bin, from 0 to 1.

        The gap is the difference between the share of pixels that are right and their mean confidence; nan without
        pixels.
        """
        return float(np.abs(self.correct - self.confidence).sum() / self.count) if self.count else float("nan")

    @property
    def accuracy(self) -> float:
        """The share of pixels whose class is right; nan without pixels."""
        return float(self.correct.sum() / self.count) if self.count else float("nan")

    @property
    def mean_confidence(self) -> float:
        """The mean confidence of all pixels; nan without pixels."""
        return float(self.confidence.sum() / self.count) if self.count else float("nan")


def calibration(
    confidence: NDArray[np.floating], prediction: NDArray[Any], mask: NDArray[Any], *, ignore_index: int
) -> Calibration:
    """Count the pixels of one image by their confidence.

    Args:
        confidence: The probability of the predicted class, (H, W).
        prediction: The predicted classes, (H, W).
        mask: The true classes, (H, W).
        ignore_index: The value of pixels in the mask that are not counted.

    Example:
        >>> found = calibration(
        ...     np.array([[0.9, 0.9, 0.6, 0.6]]), np.array([[1, 1, 1, 1]]), np.array([[1, 1, 1, 0]]), ignore_index=255
        ... )
        >>> round(found.error, 3), found.accuracy
        (0.1, 0.75)
    """
    labeled = mask != ignore_index
    counted = confidence[labeled].astype(np.float64)
    right = (prediction == mask)[labeled]
    bins = np.clip(np.ceil(counted * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return Calibration(
        np.bincount(bins, minlength=BINS),
        np.bincount(bins, counted, minlength=BINS).astype(np.float64),
        np.bincount(bins[right], minlength=BINS),
    )


def calibrate(
    predictor: Predictor, images: Iterable[tuple[Source, NDArray[Any]]], *, ignore_index: int = 255, task: str = ""
) -> Calibration:
    """Predict labeled images one after another, and count their pixels by their confidence.

    Args:
        predictor: The predictor, with probabilities=True.
        images: Each image in any form, and its true mask (H, W).
        ignore_index: The value of pixels in the masks that are not counted.
        task: The name of the task, for a predictor of several; its first one by default.

    Raises:
        InputError: If an image cannot be predicted, has no probabilities, or has another size than its mask.
    """
    index = predictor.tasks.index(choose_task(predictor, task))
    total = Calibration(np.zeros(BINS, np.int64), np.zeros(BINS), np.zeros(BINS, np.int64))
    for source, mask in images:
        result = predictor.segment_tasks([as_image(source, predictor.preprocessing.channels)])[0][index]
        if result.mask.shape != mask.shape:
            (height, width), (mask_height, mask_width) = result.mask.shape, mask.shape
            name = source if isinstance(source, str | Path) else "an image"
            raise InputError(
                f"{name} is {height}x{width} and its mask {mask_height}x{mask_width} (height x width); see "
                f"`feedbackward inspect`"
            )
        total += calibration(result.confidence, result.mask, mask, ignore_index=ignore_index)
    return total
