"""The Tversky and Dice losses against numpy, segmentation_models_pytorch and the IoU loss."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from segmentation_models_pytorch import losses as smp
from torch import Tensor
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.losses import DiceLoss, TverskyLoss, iou_loss

CLASSES, PRESENT = 4, 3
"""Those of the batch."""


def tversky_by_numpy(probabilities: np.ndarray, labels: np.ndarray, alpha: float, beta: float) -> float:
    scores = []
    for index in np.unique(labels):
        mine = labels == index
        hits = probabilities[mine, index].sum()
        false_positives = probabilities[~mine, index].sum()
        false_negatives = (1 - probabilities[mine, index]).sum()
        scores.append(hits / (hits + alpha * false_positives + beta * false_negatives))
    return 1 - float(np.mean(scores))


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.7), (0.0, 1.0), (2.0, 0.1)])
def test_tversky_is_the_formula(
    alpha: float, beta: float, batch: tuple[Tensor, Tensor], valid_pixels: Callable
) -> None:
    expected = tversky_by_numpy(*valid_pixels(*batch), alpha, beta)
    assert TverskyLoss(alpha=alpha, beta=beta)(*batch).item() == pytest.approx(expected, abs=1e-12)


def test_dice_is_the_formula(batch: tuple[Tensor, Tensor], valid_pixels: Callable) -> None:
    probabilities, labels = valid_pixels(*batch)
    one_hot = np.eye(CLASSES)[labels]
    dice = 2 * (probabilities * one_hot).sum(axis=0) / (probabilities.sum(axis=0) + one_hot.sum(axis=0))
    assert DiceLoss()(*batch).item() == pytest.approx(1 - dice[:PRESENT].mean(), abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (DiceLoss(), smp.DiceLoss("multiclass", ignore_index=255)),
        (TverskyLoss(alpha=0.3, beta=0.7), smp.TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7)),
    ],
)
def test_smp_has_the_same_loss_for_present_classes(ours, theirs, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    # There an absent class adds 0 to the sum and 1 to the number that divides it.
    assert_close(ours(logits, mask), theirs(logits, mask) * CLASSES / PRESENT)
    all_present = mask.where(mask != 2, 3).where(mask != 1, 2)
    all_present[0, 0, :2] = 1
    assert_close(ours(logits, all_present), theirs(logits, all_present))


def test_one_and_one_give_the_iou_loss(batch: tuple[Tensor, Tensor]) -> None:
    assert_close(TverskyLoss(alpha=1.0, beta=1.0)(*batch), iou_loss(*batch))


def test_a_larger_beta_counts_missed_pixels_more(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    missed = logits.clone()
    missed[:, 0] -= 3  # class 0 is seldom predicted
    only_zero = mask.where((mask == 0) | (mask == 255), 255)  # no false positives count
    recall, precision = TverskyLoss(alpha=0.1, beta=0.9), TverskyLoss(alpha=0.9, beta=0.1)
    assert recall(missed, only_zero) > precision(missed, only_zero)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(-0.1, 0.5), (0.5, 0.0), (0.5, -1.0), (math.nan, 0.5), (0.5, math.inf), (math.inf, 0.5)]
)
def test_values_out_of_range_are_refused(alpha: float, beta: float) -> None:
    with pytest.raises(InputError, match=r"alpha .* and beta .*: expected finite numbers"):
        TverskyLoss(alpha=alpha, beta=beta)
