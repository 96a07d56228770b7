"""The Lovász-softmax loss against its definition with sets and against segmentation_models_pytorch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from segmentation_models_pytorch import losses as smp
from torch import Tensor
from torch.testing import assert_close

from feedbackward.losses import LovaszLoss, lovasz_loss


def jaccard_loss(errors: set[int], target: set[int]) -> float:
    """Of the prediction that is wrong at these pixels."""
    predicted = target ^ errors
    return 1 - len(target & predicted) / len(target | predicted)


def lovasz_by_sets(probabilities: np.ndarray, labels: np.ndarray) -> float:
    losses = []
    for index in np.unique(labels):
        errors = np.abs((labels == index) - probabilities[:, index])
        target, wrong, loss = set(np.flatnonzero(labels == index)), set(), 0.0
        for pixel in np.argsort(-errors):
            before = jaccard_loss(wrong, target)
            wrong = wrong | {pixel}
            loss += errors[pixel] * (jaccard_loss(wrong, target) - before)
        losses.append(loss)
    return float(np.mean(losses))


def test_lovasz_is_the_definition(batch: tuple[Tensor, Tensor], valid_pixels: Callable) -> None:
    assert lovasz_loss(*batch).item() == pytest.approx(lovasz_by_sets(*valid_pixels(*batch)), abs=1e-12)


def test_smp_has_the_same_loss_and_gradient(batch: tuple[Tensor, Tensor]) -> None:
    found = []
    for loss in (LovaszLoss(), smp.LovaszLoss("multiclass", ignore_index=255)):
        logits = batch[0].float().requires_grad_()  # theirs needs float32
        value = loss(logits, batch[1])
        value.backward()
        found.append((value, logits.grad))
    assert_close(*found)


def test_at_hard_predictions_it_is_one_minus_the_mean_iou(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    prediction, valid = logits.argmax(1), mask != 255
    ious = []
    for index in range(3):
        mine, found = (mask == index) & valid, (prediction == index) & valid
        ious.append((mine & found).sum() / (mine | found).sum())
    certain = 1000 * F.one_hot(prediction, 4).permute(0, 3, 1, 2).double()
    assert_close(lovasz_loss(certain, mask), 1 - torch.stack(ious).mean(), check_dtype=False)


def test_many_pixels_in_float32() -> None:
    """With differences of Jaccard losses the gradient would be wrong by 6 %."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 2, 1500, 2000, generator=generator)
    mask = (torch.rand(1, 1500, 2000, generator=generator) < 0.3).long()
    gradients = []
    for dtype in (torch.float32, torch.float64):
        inputs = logits.clone().to(dtype).requires_grad_()
        lovasz_loss(inputs, mask).backward()
        gradients.append(inputs.grad)
    single, double = gradients
    assert ((single - double).norm() / double.norm()).item() < 1e-5
