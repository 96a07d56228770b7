"""Scores of predictions in files, several images at a time.

Threads suffice, because decoding and counting both release the global interpreter lock. Only one pair per thread is in
memory.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
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


class FileScoring:
    """Counts and scores predictions in files; counts of several processes are summed.

    Args:
        classes: The classes and their encoding, in the ground truth and in the predictions. A void prediction is a
            miss where the ground truth is a class, and not counted where that is void.
        scoring: "cityscapes" for label ids with instance maps, scored as the official evaluator does.
        boundary: Also compute the boundary IoU, up to this distance from an edge, a fraction of the image's diagonal.
        by_size: Also compute the scores by size of object.
    """

    def __init__(
        self,
        classes: MaskClasses,
        *,
        scoring: Scoring = "classes",
        boundary: float | None = None,
        by_size: bool = False,
    ) -> None:
        self._files: FileKind = CityscapesFiles() if scoring == "cityscapes" else ClassFiles(classes)
        self._table = classes.table
        self._boundary = boundary
        self._by_size = by_size

    def count(
        self,
        pairs: Sequence[PredictionPair],
        *,
        workers: int = 1,
        on_pair: Callable[[PredictionPair, Tensor], object] = lambda *_: None,
    ) -> Counts:
        """Sum the counts of pairs; empty if there are none.

        Args:
            pairs: Ground truth and predictions.
            workers: Number of images at a time.
            on_pair: Called after every pair, in order, with the pair and its confusion matrix, which has a row per
                class and a further column for void.

        Raises:
            InputError: If a file cannot be used, sizes differ or a value does not encode a class.
        """
        total: Counts = {}
        for pair, counts in zip(pairs, _map(self._count, pairs, workers), strict=True):
            total = _add(total, counts)
            on_pair(pair, self._files.confusion(counts))
        return total

    def _count(self, pair: PredictionPair) -> Counts:
        maps = self._files.read(pair)
        try:
            counts = self._files.count(maps)
        except InputError as error:
            raise InputError(f"{pair.prediction} against {pair.ground_truth}: {error}") from error
        size, void = len(self._table), self._table.ignore_index
        if self._boundary is not None:
            indices = self._files.indices(maps)
            counts["boundary"] = count_boundary(*indices, classes=size, ignore_index=void, ratio=self._boundary)
        if self._by_size:
            counts["objects"] = count_objects(*self._files.indices(maps), classes=size, ignore_index=void)
        return counts

    def scores(self, counts: Counts) -> Scores:
        """The scores of the sum of the counts.

        Raises:
            InputError: If Cityscapes predictions are train ids.
        """
        scores = self._files.scores({name: counts[name] for name in counts if name not in ("boundary", "objects")})
        if self._boundary is not None:
            add_boundary_iou(scores, counts["boundary"], ratio=self._boundary)
        if self._by_size:
            add_scores_by_size(scores, counts["objects"])
        return scores


def score_files(
    pairs: Sequence[PredictionPair], *, classes: MaskClasses, scoring: Scoring = "classes", workers: int = 1
) -> Scores:
    """Score predictions in files.

    Args:
        pairs: Ground truth and predictions.
        classes: The classes and their encoding, see FileScoring.
        scoring: "cityscapes" for label ids with instance maps, scored as the official evaluator does.
        workers: Number of images at a time.

    Raises:
        InputError: If a file cannot be used, sizes differ, a value does not encode a class, or Cityscapes predictions
            are train ids.
    """
    files = FileScoring(classes, scoring=scoring)
    return files.scores(files.count(pairs, workers=workers))


def sum_counts(parts: Iterable[Mapping[str, Any]]) -> Counts:
    """The sum of the counts of several processes, each as plain data: numbers and lists by name."""
    total: Counts = {}
    for part in parts:
        total = _add(total, {name: torch.from_numpy(np.asarray(values)) for name, values in part.items()})
    return total


def _add(total: Counts, part: Counts) -> Counts:
    return {**total, **{name: total[name] + value if name in total else value for name, value in part.items()}}


def _map(count: Callable[[PredictionPair], Counts], pairs: Sequence[PredictionPair], workers: int) -> Iterator[Counts]:
    if workers < 1:
        raise InputError(f"{workers} workers; at least 1 is needed")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # images run in parallel; threads within each would only compete
    pool = ThreadPoolExecutor(workers)
    counting = deque[Future[Counts]]()
    try:
        for pair in pairs:
            counting.append(pool.submit(count, pair))
            if len(counting) > 2 * workers:  # the counts of many classes are large
                yield counting.popleft().result()
        for future in counting:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
