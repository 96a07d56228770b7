"""Cross-entropy and its sum with the IoU loss, against a loop over pixels."""

import math

import pytest
import torch
from torch import Tensor

from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyIoULoss, CrossEntropyLoss, FocalLoss, cross_entropy, iou_loss

WEIGHT = [0.5, 2.0, 1.0, 3.0]


def cross_entropy_by_hand(logits: Tensor, mask: Tensor, weight: list[float]) -> float:
    total, norm = 0.0, 0.0
    for n, y, x in torch.cartesian_prod(*(torch.arange(size) for size in mask.shape)).tolist():
        label = mask[n, y, x].item()
        if label != 255:
            scores = logits[n, :, y, x].tolist()
            total += weight[label] * (math.log(sum(math.exp(score) for score in scores)) - scores[label])
            norm += weight[label]
    return total / norm


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_cross_entropy_is_the_weighted_mean(weight: list[float] | None, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    expected = cross_entropy_by_hand(logits, mask, weight or [1.0] * 4)
    assert cross_entropy(logits, mask, weight=tensor).item() == pytest.approx(expected, abs=1e-12)


def test_the_sum_with_the_iou_loss(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    expected = cross_entropy_by_hand(logits, mask, WEIGHT) + iou_loss(logits, mask).item()
    assert CrossEntropyIoULoss(WEIGHT)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def test_if_all_pixels_have_weight_zero_the_loss_is_zero(batch: tuple[Tensor, Tensor]) -> None:
    only_absent = [0.0, 0.0, 0.0, 1.0]
    assert CrossEntropyLoss(only_absent)(*batch).item() == 0
    assert FocalLoss(2.0, only_absent)(*batch).item() == 0


def test_half_precision_does_not_overflow() -> None:
    logits = torch.zeros(1, 2, 400, 400, dtype=torch.float16)  # 160,000 pixels; float16 ends at 65,504
    mask = torch.zeros(1, 400, 400, dtype=torch.int64)
    assert cross_entropy(logits, mask).item() == pytest.approx(math.log(2), abs=1e-5)


@pytest.mark.parametrize("weight", [[1.0, -1.0], [1.0, math.nan], [1.0, math.inf], [0.0, 0.0], []])
def test_bad_weights_are_refused(weight: list[float]) -> None:
    for loss in (CrossEntropyLoss, CrossEntropyIoULoss, lambda weight: FocalLoss(2.0, weight)):
        with pytest.raises(InputError, match=r"class weights .* expected finite numbers"):
            loss(weight)


def test_wrong_number_of_weights_is_refused(batch: tuple[Tensor, Tensor]) -> None:
    for loss in (CrossEntropyLoss([1.0, 2.0]), FocalLoss(2.0, [1.0, 2.0])):
        with pytest.raises(InputError, match="2 class weights for 4 classes; give one weight per class"):
            loss(*batch)
