"""Scores of predictions in files, several images at a time.

Threads suffice, because decoding and counting both release the global interpreter lock. Only one pair per thread is in
memory.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor

from feedbackward.data.cityscapes_labels import EVALUATED
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.masks import read_instance_ids, read_mask
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import Scoring
from feedbackward.errors import InputError
from feedbackward.metrics.cityscapes_counts import CityscapesCounts, add_counts, count_image, count_nothing
from feedbackward.metrics.cityscapes_scores import cityscapes_scores
from feedbackward.metrics.functional import confusion_matrix, segmentation_scores
from feedbackward.metrics.scores import Scores

_HINT = "Predictions must contain class indices, not colors"

Counts = TypeVar("Counts")


def score_files(
    pairs: Sequence[PredictionPair],
    *,
    classes: MaskClasses,
    scoring: Scoring = "classes",
    workers: int = 1,
    on_pair: Callable[[], object] = lambda: None,
) -> Scores:
    """Score predictions in files.

    Args:
        pairs: Ground truth and predictions. Predictions contain class indices, or label ids if scoring is
            "cityscapes".
        classes: The classes and their encoding in the ground truth.
        scoring: "cityscapes" for label ids with instance maps, scored as the official evaluator does.
        workers: Number of images at a time.
        on_pair: Called after every pair.

    Raises:
        InputError: If a file cannot be used, sizes differ, a value does not encode a class, or Cityscapes predictions
            are train ids.
    """
    if scoring == "cityscapes":
        return _score_cityscapes(pairs, workers, on_pair)

    def count(pair: PredictionPair) -> Tensor:
        return _count_classes(pair, classes)

    size = len(classes.table)
    confusion = torch.zeros(size, size, dtype=torch.int64)
    for part in _map(count, pairs, workers):
        confusion += part
        on_pair()
    return segmentation_scores(confusion, classes.table)


def _score_cityscapes(pairs: Sequence[PredictionPair], workers: int, on_pair: Callable[[], object]) -> Scores:
    counts = count_nothing()
    for part in _map(_count_cityscapes, pairs, workers):
        counts = add_counts(counts, part)
        on_pair()
    _refuse_train_ids(counts.confusion)
    return cityscapes_scores(counts)


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


def _count_cityscapes(pair: PredictionPair) -> CityscapesCounts:
    assert pair.instances is not None
    prediction = torch.from_numpy(read_mask(pair.prediction, hint=_HINT))
    label_ids = torch.from_numpy(read_mask(pair.ground_truth, hint="Use the *_gtFine_labelIds.png files"))
    instance_ids = torch.from_numpy(read_instance_ids(pair.instances))
    _check_size(pair.prediction, prediction, pair.ground_truth, label_ids)
    _check_size(pair.instances, instance_ids, pair.ground_truth, label_ids)
    try:
        return count_image(prediction, label_ids, instance_ids)
    except InputError as error:
        raise InputError(f"{pair.prediction} against {pair.ground_truth}: {error}") from error


def _count_classes(pair: PredictionPair, classes: MaskClasses) -> Tensor:
    prediction = torch.from_numpy(read_mask(pair.prediction, hint=_HINT))
    mask = torch.from_numpy(classes.encoding.read(pair.ground_truth))
    _check_size(pair.prediction, prediction, pair.ground_truth, mask)
    table = classes.table
    try:
        return confusion_matrix(prediction[None], mask[None], classes=len(table), ignore_index=table.ignore_index)
    except InputError as error:
        raise InputError(
            f"{pair.prediction} against {pair.ground_truth}: {error}, the indices of {', '.join(table.names)}"
        ) from error


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
