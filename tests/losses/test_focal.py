"""The focal loss against numpy, segmentation_models_pytorch and cross-entropy."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from segmentation_models_pytorch import losses as smp
from segmentation_models_pytorch.losses._functional import softmax_focal_loss_with_logits
from torch import Tensor
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.losses import FocalLoss, cross_entropy

WEIGHT = [0.5, 2.0, 1.0, 3.0]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_focal_is_the_formula(
    gamma: float, weight: list[float] | None, batch: tuple[Tensor, Tensor], valid_pixels: Callable
) -> None:
    probabilities, labels = valid_pixels(*batch)
    own = probabilities[np.arange(len(labels)), labels]
    expected = np.average(-((1 - own) ** gamma) * np.log(own), weights=np.array(weight or [1.0] * 4)[labels])
    assert FocalLoss(gamma, weight)(*batch).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_smp_has_the_same_softmax_focal_loss(gamma: float, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    valid = mask != 255  # the function there ignores no pixel
    expected = softmax_focal_loss_with_logits(logits.movedim(1, -1)[valid], mask[valid], gamma=gamma)
    assert_close(FocalLoss(gamma)(logits, mask), expected)


def test_of_two_classes_smp_has_the_same_module(batch: tuple[Tensor, Tensor]) -> None:
    """Of more it has a sigmoid for each class."""
    logits, mask = batch[0][:, :2], batch[1].where(batch[1] != 2, 1)
    theirs = smp.FocalLoss("binary", alpha=None, gamma=2.0, ignore_index=255)
    assert_close(FocalLoss()(logits, mask), theirs(logits[:, 1] - logits[:, 0], mask.double()))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_gamma_zero_gives_cross_entropy(weight: list[float] | None, batch: tuple[Tensor, Tensor]) -> None:
    tensor = None if weight is None else torch.tensor(weight)
    assert_close(FocalLoss(0.0, weight)(*batch), cross_entropy(*batch, weight=tensor))


@pytest.mark.parametrize("gamma", [-1.0, math.nan, math.inf])
def test_a_gamma_out_of_range_is_refused(gamma: float) -> None:
    with pytest.raises(InputError, match=r"gamma .*: expected a finite number of at least 0, such as 2"):
        FocalLoss(gamma)
