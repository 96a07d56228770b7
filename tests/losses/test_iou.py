"""The IoU loss against a loop over pixels and classes."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from feedbackward.losses import iou_loss


def iou_loss_by_hand(logits: Tensor, mask: Tensor) -> float:
    classes = logits.shape[1]
    intersection, union, present = [0.0] * classes, [0.0] * classes, set()
    for n, y, x in torch.cartesian_prod(*(torch.arange(size) for size in mask.shape)).tolist():
        label = mask[n, y, x].item()
        if label == 255:
            continue
        present.add(label)
        exponentials = [math.exp(score) for score in logits[n, :, y, x].tolist()]
        for c in range(classes):
            p = exponentials[c] / sum(exponentials)
            t = float(label == c)
            intersection[c] += p * t
            union[c] += p + t - p * t
    return 1 - sum(intersection[c] / union[c] for c in present) / len(present)


def test_iou_loss_is_the_formula(batch: tuple[Tensor, Tensor]) -> None:
    assert iou_loss(*batch).item() == pytest.approx(iou_loss_by_hand(*batch), abs=1e-12)


def test_iou_loss_is_taken_over_the_batch_not_per_image(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    per_image = torch.stack([iou_loss(logits[i : i + 1], mask[i : i + 1]) for i in range(2)]).mean()
    assert abs(iou_loss(logits, mask) - per_image) > 1e-4


def test_iou_loss_is_zero_for_certainty_and_one_for_its_opposite() -> None:
    mask = torch.tensor([[[0, 1], [255, 1]]])
    right = F.one_hot(mask.where(mask != 255, 0), 2).permute(0, 3, 1, 2).double() * 1000
    assert_close(iou_loss(right, mask), torch.tensor(0.0, dtype=torch.float64))
    assert_close(iou_loss(-right, mask), torch.tensor(1.0, dtype=torch.float64))


def test_a_class_that_is_ignored_does_not_count() -> None:
    mask = torch.tensor([[[0, 0, 1, 2]]])
    loss = iou_loss(torch.zeros(1, 3, 1, 4, dtype=torch.float64), mask, ignore_index=0)
    # Of the two other pixels, each class has I = 1 / 3 and U = 2 / 3 + 1 - 1 / 3.
    assert loss.item() == pytest.approx(1 - 1 / 4)


def test_half_precision_does_not_overflow() -> None:
    logits = torch.zeros(1, 2, 400, 400, dtype=torch.float16)  # 160,000 pixels; float16 ends at 65,504
    mask = torch.zeros(1, 400, 400, dtype=torch.int64)
    assert iou_loss(logits, mask).item() == pytest.approx(0.5, abs=1e-5)
