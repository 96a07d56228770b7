"""Scores of predictions in files, several images at a time.

Threads suffice, because decoding and counting both release the global interpreter lock. Only one pair per thread is in
memory.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.cityscapes_labels import EVALUATED
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.masks import read_instance_ids, read_mask
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import Scoring
from feedbackward.errors import InputError
from feedbackward.metrics.cityscapes_counts import CityscapesCounts, count_image
from feedbackward.metrics.cityscapes_scores import cityscapes_scores, evaluated_confusion
from feedbackward.metrics.functional import confusion_matrix, segmentation_scores
from feedbackward.metrics.scores import Scores

_HINT = "Predictions must contain label ids, not colors"

Counts = dict[str, Tensor]
"""Sums over images, by name."""
OnPair = Callable[[PredictionPair, Tensor], object]


def score_files(
    pairs: Sequence[PredictionPair],
    *,
    classes: MaskClasses,
    scoring: Scoring = "classes",
    workers: int = 1,
    on_pair: OnPair = lambda *_: None,
) -> Scores:
    """Score predictions in files.

    Args:
        pairs: Ground truth and predictions.
        classes: The classes and their encoding, in the ground truth and in the predictions. A void prediction is a
            miss where the ground truth is a class, and not counted where that is void.
        scoring: "cityscapes" for label ids with instance maps, scored as the official evaluator does.
        workers: Number of images at a time.
        on_pair: Called after every pair, in order, with the pair and its confusion matrix, which has a row per class
            and a further column for void.

    Raises:
        InputError: If a file cannot be used, sizes differ, a value does not encode a class, or Cityscapes predictions
            are train ids.
    """
    files = _CityscapesFiles() if scoring == "cityscapes" else _ClassFiles(classes)
    total: Counts = {}
    for pair, counts in zip(pairs, _map(files.count, pairs, workers), strict=True):
        total = {name: total.get(name, 0) + value for name, value in counts.items()}
        on_pair(pair, files.confusion(counts))
    return files.scores(total)


class _ClassFiles:
    """Files of any classes, in their own encoding."""

    def __init__(self, classes: MaskClasses) -> None:
        self._classes = classes

    def count(self, pair: PredictionPair) -> Counts:
        table = self._classes.table
        prediction = _tensor(self._classes.predictions.read(pair.prediction))
        mask = _tensor(self._classes.encoding.read(pair.ground_truth))
        _check_size(pair.prediction, prediction, pair.ground_truth, mask)
        confusion = confusion_matrix(prediction[None], mask[None], classes=len(table), ignore_index=table.ignore_index)
        return {"confusion": confusion}

    def confusion(self, counts: Counts) -> Tensor:
        return counts["confusion"]

    def scores(self, counts: Counts) -> Scores:
        return segmentation_scores(counts["confusion"], self._classes.table)


class _CityscapesFiles:
    """Label ids with instance maps."""

    def count(self, pair: PredictionPair) -> Counts:
        assert pair.instances is not None
        prediction = _tensor(read_mask(pair.prediction, hint=_HINT))
        label_ids = _tensor(read_mask(pair.ground_truth, hint="Use the *_gtFine_labelIds.png files"))
        instance_ids = torch.from_numpy(read_instance_ids(pair.instances))
        _check_size(pair.prediction, prediction, pair.ground_truth, label_ids)
        _check_size(pair.instances, instance_ids, pair.ground_truth, label_ids)
        try:
            return count_image(prediction, label_ids, instance_ids)._asdict()
        except InputError as error:
            raise InputError(f"{pair.prediction} against {pair.ground_truth}: {error}") from error

    def confusion(self, counts: Counts) -> Tensor:
        return evaluated_confusion(counts["confusion"])

    def scores(self, counts: Counts) -> Scores:
        _refuse_train_ids(counts["confusion"])
        return cityscapes_scores(CityscapesCounts(**counts))


def _map(
    function: Callable[[PredictionPair], Counts], pairs: Sequence[PredictionPair], workers: int
) -> Iterator[Counts]:
    if workers < 1:
        raise InputError(f"{workers} workers; at least 1 is needed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # images run in parallel; threads within each would only compete
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(function, pairs)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _tensor(mask: NDArray[np.integer[Any]]) -> Tensor:
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
