import math

import pytest
import torch
from torch import Tensor, nn

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.metrics import Scores, SegmentationMetric

TABLE = ClassTable(("a", "b", "c", "d"), tuple((i, i, i) for i in range(4)), ignore_index=9)
PREDICTION = torch.tensor([[[0, 0, 0, 1, 1]], [[1, 1, 2, 0, 3]]])
MASK = torch.tensor([[[0, 0, 1, 1, 9]], [[1, 1, 1, 0, 9]]])
# confusion: a: 3 a; b: 1 a, 3 b, 1 c; the rest is absent, and d predicted on void alone


def scored(*batches: tuple[Tensor, Tensor]) -> SegmentationMetric:
    metric = SegmentationMetric(TABLE)
    for batch in batches:
        metric.update(*batch)
    return metric


def check(scores: Scores) -> None:
    assert scores.names == ["a", "b", "c", "d"]
    assert scores.confusion == [[3, 0, 0, 0], [1, 3, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    expected = {"a": 3 / 4, "b": 3 / 5, "c": 0.0, "d": math.nan}
    assert scores.per_class["iou"] == pytest.approx(expected, nan_ok=True)
    expected = {"a": 1.0, "b": 3 / 5, "c": math.nan, "d": math.nan}
    assert scores.per_class["accuracy"] == pytest.approx(expected, nan_ok=True)
    expected = {"mean_iou": (3 / 4 + 3 / 5) / 3, "pixel_accuracy": 6 / 8, "mean_accuracy": (1 + 3 / 5) / 2}
    assert {name: scores.scalars[name] for name in expected} == pytest.approx(expected)
    assert scores.label_confusion is None


def test_scores_of_one_batch() -> None:
    check(scored((PREDICTION, MASK)).compute())


def test_batches_are_summed_not_averaged() -> None:
    check(scored((PREDICTION[:1], MASK[:1]), (PREDICTION[1:], MASK[1:])).compute())


def test_states_of_processes_merge_by_sum() -> None:
    first, second = scored((PREDICTION[:1], MASK[:1])), scored((PREDICTION[1:], MASK[1:]))
    first.merge_state(second)
    check(first.compute())


def test_counts_stay_integers_when_a_network_changes_precision() -> None:
    holder = nn.ModuleDict({"scores": scored((PREDICTION, MASK))})
    holder.half().to(torch.bfloat16).double()
    check(holder["scores"].compute())  # type: ignore[operator]


def test_reset_starts_from_zero() -> None:
    metric = scored((PREDICTION, MASK))
    metric.reset()
    metric.update(PREDICTION, MASK)
    check(metric.compute())


def test_one_class() -> None:
    metric = SegmentationMetric(ClassTable(("a",), ((1, 2, 3),)))
    metric.update(torch.zeros(1, 2, 2, dtype=torch.int64), torch.tensor([[[0, 0], [0, 255]]]))
    scores = metric.compute()
    assert scores.confusion == [[3]]
    assert scores.predicted_void == [0]
    assert scores.per_class["iou"] == {"a": 1.0}


def test_a_value_outside_the_table_is_refused() -> None:
    with pytest.raises(InputError, match="the ground truth contains the value 255, expected 0 to 3"):
        scored((PREDICTION, torch.full_like(MASK, 255)))
