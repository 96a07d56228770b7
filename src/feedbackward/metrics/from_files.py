"""Scores of predictions in files, several images at a time.

Threads suffice, because decoding and counting both release the global interpreter lock. Only one pair per thread is in
memory.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from feedbackward.data.encodings import MaskClasses
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import Scoring
from feedbackward.errors import InputError
from feedbackward.metrics.boundary import add_boundary_iou, count_boundary
from feedbackward.metrics.file_kinds import CityscapesFiles, ClassFiles, Counts, FileKind
from feedbackward.metrics.objects import add_scores_by_size, count_objects
from feedbackward.metrics.scores import Scores


def score_files(
    pairs: Sequence[PredictionPair],
    *,
    classes: MaskClasses,
    scoring: Scoring = "classes",
    boundary: float | None = None,
    by_size: bool = False,
    workers: int = 1,
    on_pair: Callable[[PredictionPair, Tensor], object] = lambda *_: None,
) -> Scores:
    """Score predictions in files.

    Args:
        pairs: Ground truth and predictions.
        classes: The classes and their encoding, in the ground truth and in the predictions. A void prediction is a
            miss where the ground truth is a class, and not counted where that is void.
        scoring: "cityscapes" for label ids with instance maps, scored as the official evaluator does.
        boundary: Also compute the boundary IoU, up to this distance from an edge, a fraction of the image's diagonal.
        by_size: Also compute the scores by size of object.
        workers: Number of images at a time.
        on_pair: Called after every pair, in order, with the pair and its confusion matrix, which has a row per class
            and a further column for void.

    Raises:
        InputError: If a file cannot be used, sizes differ, a value does not encode a class, or Cityscapes predictions
            are train ids.
    """
    files: FileKind = CityscapesFiles() if scoring == "cityscapes" else ClassFiles(classes)
    size, void = len(classes.table), classes.table.ignore_index

    def count(pair: PredictionPair) -> tuple[Counts, Counts]:
        maps = files.read(pair)
        try:
            counts = files.count(maps)
        except InputError as error:
            raise InputError(f"{pair.prediction} against {pair.ground_truth}: {error}") from error
        more = {}
        if boundary is not None:
            more["boundary"] = count_boundary(*files.indices(maps), classes=size, ignore_index=void, ratio=boundary)
        if by_size:
            more["objects"] = count_objects(*files.indices(maps), classes=size, ignore_index=void)
        return counts, more

    total: Counts = {}
    total_more: Counts = {}
    for pair, (counts, more) in zip(pairs, _map(count, pairs, workers), strict=True):
        total, total_more = _add(total, counts), _add(total_more, more)
        on_pair(pair, files.confusion(counts))
    scores = files.scores(total)
    if boundary is not None:
        add_boundary_iou(scores, total_more["boundary"], ratio=boundary)
    if by_size:
        add_scores_by_size(scores, total_more["objects"])
    return scores


def _add(total: Counts, part: Counts) -> Counts:
    return {name: total[name] + value if name in total else value for name, value in part.items()}


def _map(
    count: Callable[[PredictionPair], tuple[Counts, Counts]], pairs: Sequence[PredictionPair], workers: int
) -> Iterator[tuple[Counts, Counts]]:
    if workers < 1:
        raise InputError(f"{workers} workers; at least 1 is needed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # images run in parallel; threads within each would only compete
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(count, pairs)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
