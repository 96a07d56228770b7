"""Scores folders of predictions, several images at a time.

Threads do it: decoding and counting both release Python's global lock. Memory holds one pair a thread.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import EVALUATED
from feedbackward.data.files import read_instance_ids, read_mask
from feedbackward.errors import InputError
from feedbackward.metrics.cityscapes_counts import CityscapesCounts, add_counts, count_image, count_nothing
from feedbackward.metrics.cityscapes_result import CityscapesResult, cityscapes_result
from feedbackward.metrics.functional import confusion_matrix
from feedbackward.metrics.pairs import CityscapesPair, ClassPair
from feedbackward.metrics.segmentation import segmentation_scores

_HINT = "Predictions are scored as indices: write those of the classes, not their colors"

Pair = TypeVar("Pair")
Counts = TypeVar("Counts")


def evaluate_cityscapes(
    pairs: Sequence[CityscapesPair], *, workers: int = 1, on_pair: Callable[[], object] = lambda: None
) -> CityscapesResult:
    """Score predictions in label ids.

    Args:
        pairs: What find_cityscapes_pairs found.
        workers: Images at a time.
        on_pair: Called after every pair.

    Raises:
        InputError: If a file cannot be used, sizes differ, a value is no label id, or the predictions are
            train ids.
    """
    counts = count_nothing()
    for part in _map(_count_cityscapes, pairs, workers):
        counts = add_counts(counts, part)
        on_pair()
    _refuse_train_ids(counts.confusion)
    return cityscapes_result(counts)


def evaluate_classes(
    pairs: Sequence[ClassPair],
    class_table: ClassTable,
    *,
    read_truth: Callable[[Path], NDArray[np.uint8]],
    workers: int = 1,
    on_pair: Callable[[], object] = lambda: None,
) -> dict[str, Tensor]:
    """Score predictions in class indices.

    Args:
        pairs: What find_class_pairs found.
        class_table: The classes.
        read_truth: Gives the class indices of a ground-truth file, the table's ignore_index for void; the
            predictions hold class indices as they are.
        workers: Images at a time.
        on_pair: Called after every pair.

    Returns:
        What segmentation_scores gives.

    Raises:
        InputError: If a file cannot be used, sizes differ or a value is no class.
    """

    def count(pair: ClassPair) -> Tensor:
        return _count_classes(pair, class_table, read_truth)

    confusion = torch.zeros(len(class_table), len(class_table), dtype=torch.int64)
    for part in _map(count, pairs, workers):
        confusion += part
        on_pair()
    return segmentation_scores(confusion)


def _map(function: Callable[[Pair], Counts], pairs: Sequence[Pair], workers: int) -> Iterator[Counts]:
    if workers < 1:
        raise InputError(f"{workers} workers; at least 1 is needed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the images run side by side; threads inside each would only compete
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(function, pairs)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _count_cityscapes(pair: CityscapesPair) -> CityscapesCounts:
    prediction = torch.from_numpy(read_mask(pair.prediction, hint=_HINT))
    label_ids = torch.from_numpy(read_mask(pair.ground_truth, hint="Use the *_gtFine_labelIds.png files"))
    instance_ids = torch.from_numpy(read_instance_ids(pair.instances))
    _check_size(pair.prediction, prediction, pair.ground_truth, label_ids)
    _check_size(pair.instances, instance_ids, pair.ground_truth, label_ids)
    try:
        return count_image(prediction, label_ids, instance_ids)
    except InputError as error:
        raise InputError(f"{pair.prediction} against {pair.ground_truth}: {error}") from error


def _count_classes(pair: ClassPair, table: ClassTable, read_truth: Callable[[Path], NDArray[np.uint8]]) -> Tensor:
    prediction = torch.from_numpy(read_mask(pair.prediction, hint=_HINT))
    mask = torch.from_numpy(read_truth(pair.ground_truth))
    _check_size(pair.prediction, prediction, pair.ground_truth, mask)
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
            f"{path} is {width}x{height}, but {reference_path} is {true_width}x{true_height}; scores are "
            f"taken at the ground truth's size: enlarge the network's scores before taking the best class"
        )


def _refuse_train_ids(confusion: Int64[Tensor, "34 34"]) -> None:
    """Raise an InputError if the predictions of a data set are train ids.

    They are taken for that if no predicted id is over 18 (so no vegetation, sky, person or car at all) and read
    as train ids more than twice as many evaluated pixels are right than read as label ids. Label ids meet both
    only where they are worth nothing, such as 0 everywhere.
    """
    if confusion[:, len(EVALUATED) :].any():
        return
    as_label_ids = sum(int(confusion[label.id, label.id]) for label in EVALUATED)
    as_train_ids = sum(int(confusion[label.id, label.train_id]) for label in EVALUATED)
    if as_train_ids > 2 * as_label_ids:
        raise InputError(
            f"the predictions look like train ids (0 to 18): read so, {as_train_ids} of "
            f"{int(confusion.sum())} pixels are right, as label ids {as_label_ids}; "
            f"write label ids (road 7, sidewalk 8, ...)"
        )
