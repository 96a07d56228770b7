import math

import pytest
import torch
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.metrics.functional import (
    accuracy_per_class,
    confusion_matrix,
    iou_per_class,
    pixel_accuracy,
)

# Class 2 is absent and predicted, class 3 is neither.
CONFUSION = torch.tensor([[3, 1, 0, 0], [2, 5, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_confusion_matrix_counts_one_by_one(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randint(0, 5, (3, 7, 9), generator=generator).to(dtype)
    mask = torch.randint(0, 6, (3, 7, 9), generator=generator).to(dtype)  # 5 is void
    expected = torch.zeros(5, 5, dtype=torch.int64)
    for truth, predicted in zip(mask.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if truth != 5:
            expected[truth, predicted] += 1
    assert_close(confusion_matrix(prediction, mask, classes=5, ignore_index=5), expected)


def test_confusion_matrix_ignores_what_is_predicted_on_void() -> None:
    confusion = confusion_matrix(torch.tensor([[[255, 1]]]), torch.tensor([[[255, 0]]]), classes=2)
    assert_close(confusion, torch.tensor([[0, 1], [0, 0]]))


def test_confusion_matrix_of_void_alone_is_empty() -> None:
    void = torch.full((1, 2, 2), 255)
    assert confusion_matrix(void, void, classes=3).sum() == 0


@pytest.mark.parametrize(("value", "found"), [(2, 2), (-1, -1), (255, 255)])
def test_values_outside_the_classes_are_refused(value: int, found: int) -> None:
    good, bad = torch.tensor([[[0, 1]]]), torch.tensor([[[0, value]]])
    with pytest.raises(InputError, match=f"the prediction contains the value {found}, expected 0 to 1"):
        confusion_matrix(bad, good, classes=2)
    with pytest.raises(InputError, match=f"the ground truth contains the value {found}, expected 0 to 1"):
        confusion_matrix(good, bad, classes=2, ignore_index=17)


def test_scores_of_a_matrix() -> None:
    expected = torch.tensor([3 / 6, 5 / 9, 0, math.nan], dtype=torch.float64)
    assert_close(iou_per_class(CONFUSION), expected, equal_nan=True)
    expected = torch.tensor([3 / 4, 5 / 8, math.nan, math.nan], dtype=torch.float64)
    assert_close(accuracy_per_class(CONFUSION), expected, equal_nan=True)
    assert pixel_accuracy(CONFUSION).item() == 8 / 12
    assert pixel_accuracy(torch.zeros_like(CONFUSION)).isnan()
