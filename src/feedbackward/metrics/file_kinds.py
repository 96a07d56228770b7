"""How the files of a pair are read and counted: masks of any classes, and the label ids of Cityscapes."""

from typing import Protocol

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.cityscapes_labels import EVALUATED, TRAIN_IDS
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.masks import read_instance_ids, read_mask
from feedbackward.data.predictions import PredictionPair
from feedbackward.errors import InputError
from feedbackward.metrics.cityscapes_counts import CityscapesCounts, count_image
from feedbackward.metrics.cityscapes_scores import cityscapes_scores, evaluated_confusion
from feedbackward.metrics.functional import confusion_matrix, segmentation_scores
from feedbackward.metrics.scores import Scores

_HINT = "Predictions must contain label ids, not colors"

Counts = dict[str, Tensor]
"""Sums over images, by name."""


class FileKind(Protocol):
    """Reads and counts the files of a pair; errors name the files."""

    def read(self, pair: PredictionPair) -> tuple[Tensor, ...]:
        """The maps of a pair, the prediction first and the mask second, with values as `count` needs them."""
        ...

    def count(self, maps: tuple[Tensor, ...]) -> Counts:
        """The counts of one image."""
        ...

    def indices(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Prediction and mask in class indices, with the class table's ignore_index for void."""
        ...

    def confusion(self, counts: Counts) -> Tensor:
        """The confusion matrix of counts, with a further column for void."""
        ...

    def scores(self, counts: Counts) -> Scores:
        """The scores of the sum of the counts."""
        ...


class ClassFiles:
    """Masks of any classes, in their own encoding.

    Args:
        classes: The classes and the encoding.
    """

    def __init__(self, classes: MaskClasses) -> None:
        self._classes = classes

    def read(self, pair: PredictionPair) -> tuple[Tensor, ...]:
        """Prediction and mask in class indices."""
        prediction = _tensor(self._classes.predictions.read(pair.prediction))
        mask = _tensor(self._classes.encoding.read(pair.ground_truth))
        _check_size(pair.prediction, prediction, pair.ground_truth, mask)
        return prediction, mask

    def count(self, maps: tuple[Tensor, ...]) -> Counts:
        """The confusion matrix."""
        (prediction, mask), table = maps, self._classes.table
        confusion = confusion_matrix(prediction[None], mask[None], classes=len(table), ignore_index=table.ignore_index)
        return {"confusion": confusion}

    def indices(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """The maps as they are."""
        return maps[0], maps[1]

    def confusion(self, counts: Counts) -> Tensor:
        """The confusion matrix of counts, with a further column for void."""
        return counts["confusion"]

    def scores(self, counts: Counts) -> Scores:
        """The scores of the sum of the counts."""
        return segmentation_scores(counts["confusion"], self._classes.table)


class CityscapesFiles:
    """Label ids with instance maps, counted as the official evaluator does."""

    def read(self, pair: PredictionPair) -> tuple[Tensor, ...]:
        """Prediction, label ids and instance ids."""
        assert pair.instances is not None
        prediction = _tensor(read_mask(pair.prediction, hint=_HINT))
        label_ids = _tensor(read_mask(pair.ground_truth, hint="Use the *_gtFine_labelIds.png files"))
        instance_ids = torch.from_numpy(read_instance_ids(pair.instances))
        _check_size(pair.prediction, prediction, pair.ground_truth, label_ids)
        _check_size(pair.instances, instance_ids, pair.ground_truth, label_ids)
        return prediction, label_ids, instance_ids

    def count(self, maps: tuple[Tensor, ...]) -> Counts:
        """The CityscapesCounts by name."""
        return count_image(*maps)._asdict()

    def indices(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Train ids."""
        prediction, label_ids = (torch.from_numpy(np.take(TRAIN_IDS, ids.numpy())) for ids in maps[:2])
        return prediction, label_ids

    def confusion(self, counts: Counts) -> Tensor:
        """That of the evaluated classes; its last column contains the predictions of other labels."""
        return evaluated_confusion(counts["confusion"])

    def scores(self, counts: Counts) -> Scores:
        """The scores of the sum of the counts.

        Raises:
            InputError: If the predictions are train ids.
        """
        _refuse_train_ids(counts["confusion"])
        return cityscapes_scores(CityscapesCounts(**counts))


def _tensor(mask: NDArray[np.integer]) -> Tensor:
    # torch compares few values of uint16.
    return torch.from_numpy(mask if mask.dtype == np.uint8 else mask.astype(np.int32))


def _check_size(path: object, image: Tensor, reference_path: object, reference: Tensor) -> None:
    if image.shape != reference.shape:
        (height, width), (true_height, true_width) = image.shape, reference.shape
        raise InputError(
            f"{path} is {width}x{height}, but {reference_path} is {true_width}x{true_height} (width x "
            f"height); predict at the size of the ground truth: upsample the logits before taking the argmax"
        )


def _refuse_train_ids(confusion: Int64[Tensor, "34 34"]) -> None:
    """Refuse predictions that are train ids.

    They are train ids if no predicted id is above 18 (so there is no vegetation, sky, person or car) and, read as
    train ids, more than twice as many evaluated pixels are correct as when read as label ids. Label ids meet both
    conditions only if they are useless, for example 0 everywhere.
    """
    if confusion[:, len(EVALUATED) :].any():
        return
    as_label_ids = sum(int(confusion[label.id, label.id]) for label in EVALUATED)
    as_train_ids = sum(int(confusion[label.id, label.train_id]) for label in EVALUATED)
    if as_train_ids > 2 * as_label_ids:
        raise InputError(
            f"the predictions look like train ids (0 to 18): read as train ids {as_train_ids} of "
            f"{int(confusion.sum())} pixels are correct, as label ids {as_label_ids}; "
            f"write label ids (road 7, sidewalk 8, ...)"
        )
