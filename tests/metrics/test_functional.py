import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.metrics.functional import (
    accuracy_per_class,
    confusion_matrix,
    dice_per_class,
    iou_per_class,
    pixel_accuracy,
    precision_per_class,
    segmentation_scores,
)

# Class 2 is absent and predicted, class 3 is neither; two pixels of class 0 are predicted as void.
CONFUSION = torch.tensor([[3, 1, 0, 0, 2], [2, 5, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_confusion_matrix_counts_one_by_one(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randint(0, 6, (3, 7, 9), generator=generator).to(dtype)
    mask = torch.randint(0, 6, (3, 7, 9), generator=generator).to(dtype)  # 5 is void
    expected = torch.zeros(5, 6, dtype=torch.int64)
    for truth, predicted in zip(mask.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if truth != 5:
            expected[truth, predicted] += 1
    assert_close(confusion_matrix(prediction, mask, classes=5, ignore_index=5), expected)


def test_what_is_predicted_on_void_is_not_counted() -> None:
    confusion = confusion_matrix(torch.tensor([[[255, 0, 77, 1]]]), torch.tensor([[[255, 255, 255, 0]]]), classes=2)
    assert_close(confusion, torch.tensor([[0, 1, 0], [0, 0, 0]]))


def test_a_void_prediction_is_a_miss() -> None:
    confusion = confusion_matrix(torch.tensor([[[255, 0, 1, 1]]]), torch.tensor([[[0, 0, 1, 1]]]), classes=2)
    assert_close(confusion, torch.tensor([[1, 0, 1], [0, 2, 0]]))
    assert iou_per_class(confusion).tolist() == [1 / 2, 1]
    assert pixel_accuracy(confusion) == 3 / 4


def test_confusion_matrix_of_void_only_is_zero() -> None:
    void = torch.full((1, 2, 2), 255)
    assert confusion_matrix(void, void, classes=3).sum() == 0


@pytest.mark.parametrize(("value", "found"), [(2, 2), (-1, -1), (254, 254)])
def test_values_outside_the_classes_are_refused(value: int, found: int) -> None:
    good, bad = torch.tensor([[[0, 1]]]), torch.tensor([[[0, value]]])
    with pytest.raises(InputError, match=f"the prediction contains the value {found}, expected 0 to 1"):
        confusion_matrix(bad, good, classes=2)
    with pytest.raises(InputError, match=f"the ground truth contains the value {found}, expected 0 to 1"):
        confusion_matrix(good, bad, classes=2, ignore_index=17)


def test_scores_of_a_matrix() -> None:
    expected = torch.tensor([3 / 8, 5 / 9, 0, math.nan], dtype=torch.float64)
    assert_close(iou_per_class(CONFUSION), expected, equal_nan=True)
    expected = torch.tensor([6 / 11, 10 / 14, 0, math.nan], dtype=torch.float64)
    assert_close(dice_per_class(CONFUSION), expected, equal_nan=True)
    expected = torch.tensor([3 / 5, 5 / 6, 0, math.nan], dtype=torch.float64)
    assert_close(precision_per_class(CONFUSION), expected, equal_nan=True)
    expected = torch.tensor([3 / 6, 5 / 8, math.nan, math.nan], dtype=torch.float64)
    assert_close(accuracy_per_class(CONFUSION), expected, equal_nan=True)
    assert pixel_accuracy(CONFUSION).item() == 8 / 14
    assert pixel_accuracy(torch.zeros_like(CONFUSION)).isnan()


CLASSES = 4


@st.composite
def pairs(draw: st.DrawFn, *, void: bool = True) -> tuple[Tensor, Tensor]:
    """A prediction and a mask (1, 1, n) of four classes; 255 is void."""
    truths = st.sampled_from([*range(CLASSES), *([255] if void else [])])
    pixels = draw(st.lists(st.tuples(st.integers(0, CLASSES - 1), truths), min_size=1, max_size=40))
    prediction, mask = torch.tensor(pixels).T
    return prediction[None, None], mask[None, None]


@given(first=pairs(), second=pairs())
def test_the_matrix_of_two_images_is_the_sum_of_theirs(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]):
    together = (torch.cat(both, dim=2) for both in zip(first, second, strict=True))
    apart = confusion_matrix(*first, classes=CLASSES) + confusion_matrix(*second, classes=CLASSES)
    assert_close(confusion_matrix(*together, classes=CLASSES), apart)


@given(pair=pairs())
def test_the_matrix_counts_every_pixel_that_is_not_void(pair: tuple[Tensor, Tensor]) -> None:
    prediction, mask = pair
    confusion = confusion_matrix(prediction, mask, classes=CLASSES)
    counted = mask != 255
    assert_close(confusion.sum(1), torch.bincount(mask[counted], minlength=CLASSES))
    assert_close(confusion.sum(0), torch.bincount(prediction[counted], minlength=CLASSES + 1))


@given(pair=pairs(void=False), order=st.permutations(range(CLASSES)))
def test_renaming_the_classes_permutes_the_matrix(pair: tuple[Tensor, Tensor], order: list[int]) -> None:
    names = torch.tensor(order)
    confusion = confusion_matrix(*pair, classes=CLASSES)
    renamed = confusion_matrix(names[pair[0]], names[pair[1]], classes=CLASSES)
    assert_close(renamed[names][:, [*order, CLASSES]], confusion)


@given(pair=pairs())
def test_scores_are_bounded_and_iou_is_at_most_accuracy(pair: tuple[Tensor, Tensor]) -> None:
    confusion = confusion_matrix(*pair, classes=CLASSES)
    iou, accuracy = iou_per_class(confusion), accuracy_per_class(confusion)
    present = confusion.sum(1) > 0
    assert (accuracy.isnan() == ~present).all()
    assert (iou[present] <= accuracy[present]).all()
    assert ((iou >= 0) | iou.isnan()).all()
    assert (accuracy[present] <= 1).all()


@given(pair=pairs())
def test_dice_is_the_f1_score_and_determines_the_iou(pair: tuple[Tensor, Tensor]) -> None:
    confusion = confusion_matrix(*pair, classes=CLASSES)
    dice, iou = dice_per_class(confusion), iou_per_class(confusion)
    precision, recall = precision_per_class(confusion), accuracy_per_class(confusion)
    hit = confusion.diagonal() > 0
    assert_close(dice[hit], 2 * (precision * recall / (precision + recall))[hit])
    assert_close(dice, 2 * iou / (1 + iou), equal_nan=True)


def table(names: str) -> ClassTable:
    return ClassTable(tuple(names), tuple((index, 0, 0) for index in range(len(names))))


def test_scores_have_means_over_the_classes_that_occur() -> None:
    scores = segmentation_scores(CONFUSION, table("abcd"))
    assert list(scores.per_class) == ["iou", "dice", "precision", "accuracy"]
    assert scores.scalars == pytest.approx(
        {
            "mean_iou": (3 / 8 + 5 / 9 + 0) / 3,
            "mean_dice": (6 / 11 + 10 / 14 + 0) / 3,
            "pixel_accuracy": 8 / 14,
            "mean_precision": (3 / 5 + 5 / 6 + 0) / 3,
            "mean_accuracy": (3 / 6 + 5 / 8) / 2,
        }
    )
    assert scores.confusion == [[3, 1, 0, 0], [2, 5, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert scores.predicted_void == [2, 0, 0, 0]
    assert scores.notes == [
        "1 of 4 classes are neither in the ground truth nor predicted, have no score and are left out of the means: d",
        "2 of 14 pixels are predicted as void, or as a class that is not scored: they count as misses of their class",
    ]


def test_one_class_is_right_by_construction_and_says_so() -> None:
    scores = segmentation_scores(torch.tensor([[7, 0]]), table("a"))
    assert scores.scalars["mean_iou"] == scores.scalars["mean_dice"] == scores.per_class["iou"]["a"] == 1
    assert scores.confusion == [[7]]
    (note,) = scores.notes
    assert note.startswith("with one class every pixel that counts belongs to it, so that any network scores 100")


@given(mask=pairs(void=False))
def test_a_perfect_prediction_scores_1(mask: tuple[Tensor, Tensor]) -> None:
    confusion = confusion_matrix(mask[1], mask[1], classes=CLASSES)
    assert_close(pixel_accuracy(confusion), torch.tensor(1.0, dtype=torch.float64))
    assert iou_per_class(confusion).nanmean() == 1
