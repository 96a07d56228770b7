"""Losses of classes that overlap, against torch's binary cross-entropy and each class alone."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from feedbackward.losses import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss
from feedbackward.losses.overlapping import OverlappingLoss


@pytest.fixture
def overlapping() -> tuple[Tensor, Tensor]:
    """Two logits for each of three classes, and a mask with void, in two images."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.randint(3, (2, 3, 5, 7), generator=generator)
    mask[mask == 2] = 255
    return torch.randn(2, 6, 5, 7, generator=generator, dtype=torch.float64), mask


def test_cross_entropy_is_that_of_a_sigmoid(overlapping: tuple[Tensor, Tensor]) -> None:
    logits, mask = overlapping
    known = mask != 255
    difference = logits[:, 1::2] - logits[:, ::2]
    expected = F.binary_cross_entropy_with_logits(difference[known], mask[known].double())
    assert_close(OverlappingLoss(CrossEntropyLoss())(logits, mask), expected)
    weighted = F.binary_cross_entropy_with_logits(
        difference[known], mask[known].double(), pos_weight=torch.tensor(3.0), reduction="sum"
    )
    total = (1 + 2 * mask[known]).sum()
    assert_close(OverlappingLoss(CrossEntropyLoss([1.0, 3.0]))(logits, mask), weighted / total)


def test_void_has_no_gradient(overlapping: tuple[Tensor, Tensor]) -> None:
    logits, mask = overlapping
    logits.requires_grad_()
    OverlappingLoss(FocalLoss())(logits, mask).backward()
    by_class = logits.grad.abs().unflatten(1, (3, 2)).sum(2)
    assert torch.equal(by_class > 0, mask != 255)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), DiceLoss(), LovaszLoss()])
def test_a_class_is_a_segmentation_of_two_classes(loss: torch.nn.Module, overlapping: tuple[Tensor, Tensor]) -> None:
    logits, mask = overlapping
    assert_close(OverlappingLoss(loss)(logits[:, 2:4], mask[:, 1:2]), loss(logits[:, 2:4], mask[:, 1]))
