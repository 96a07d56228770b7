import math

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.metrics import SegmentationScores

TABLE = ClassTable(("a", "b", "c", "d"), tuple((i, i, i) for i in range(4)), ignore_index=9)
PREDICTION = torch.tensor([[[0, 0, 0, 1, 1]], [[1, 1, 2, 0, 3]]])
MASK = torch.tensor([[[0, 0, 1, 1, 9]], [[1, 1, 1, 0, 9]]])
# confusion: a: 3 a; b: 1 a, 3 b, 1 c; the rest is absent, and d predicted on void alone


def scored(*batches: tuple[Tensor, Tensor]) -> SegmentationScores:
    scores = SegmentationScores(TABLE)
    for batch in batches:
        scores.update(*batch)
    return scores


def check(values: dict[str, Tensor]) -> None:
    assert values["confusion"].tolist() == [[3, 0, 0, 0], [1, 3, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    double = {"dtype": torch.float64}
    assert_close(values["iou"], torch.tensor([3 / 4, 3 / 5, 0, math.nan], **double), equal_nan=True)
    assert_close(values["accuracy"], torch.tensor([1, 3 / 5, math.nan, math.nan], **double), equal_nan=True)
    assert_close(values["mean_iou"], torch.tensor((3 / 4 + 3 / 5) / 3, **double))
    assert_close(values["mean_accuracy"], torch.tensor((1 + 3 / 5) / 2, **double))
    assert_close(values["pixel_accuracy"], torch.tensor(6 / 8, **double))


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


def test_reset_starts_anew() -> None:
    scores = scored((PREDICTION, MASK))
    scores.reset()
    scores.update(PREDICTION, MASK)
    check(scores.compute())


def test_a_value_outside_the_table_is_refused() -> None:
    with pytest.raises(InputError, match="the ground truth holds the value 255, expected 0 to 3"):
        scored((PREDICTION, torch.full_like(MASK, 255)))
