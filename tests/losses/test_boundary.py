"""The boundary loss against loops over pixels, and against the boundary F1 score of hard masks."""

import numpy as np
import pytest
import torch
from torch import Tensor

from feedbackward.errors import InputError
from feedbackward.losses import BoundaryLoss, boundary_loss


def around(values: np.ndarray, row: int, column: int, pixels: int) -> np.ndarray:
    return values[max(row - pixels, 0) : row + pixels + 1, max(column - pixels, 0) : column + pixels + 1]


def boundary(inside: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """How much more a pixel is inside than its neighbor that is most outside, void aside."""
    found = np.zeros(inside.shape)
    for row, column in np.argwhere(valid):
        near, known = around(inside, row, column, 1), around(valid, row, column, 1)
        found[row, column] = inside[row, column] - near[known].min()
    return found


def expected_loss(probabilities: np.ndarray, mask: np.ndarray, tolerance: int) -> float:
    """One minus the mean F1, from sums over the pixels (n, classes, h, w)."""
    scores = []
    for index in range(probabilities.shape[1]):
        near = length = found = true_length = 0.0
        for of_class, labels in zip(probabilities[:, index], mask, strict=True):
            valid = labels != 255
            predicted, true = boundary(of_class, valid), boundary((labels == index).astype(float), valid)
            for row, column in np.ndindex(labels.shape):
                near += predicted[row, column] * around(true, row, column, tolerance).max()
                found += true[row, column] * around(predicted, row, column, tolerance).max()
            length, true_length = length + predicted.sum(), true_length + true.sum()
        if true_length > 0:
            precision, recall = near / length, found / true_length
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return 1 - float(np.mean(scores)) if scores else 0.0


@pytest.mark.parametrize("tolerance", [0, 1, 2, 9])
def test_it_equals_loops_over_pixels(tolerance: int, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    expected = expected_loss(logits.softmax(1).numpy(), mask.numpy(), tolerance)
    assert 0.1 < expected < 0.9
    assert boundary_loss(logits, mask, tolerance=tolerance).item() == pytest.approx(expected)
    assert BoundaryLoss(tolerance=tolerance)(logits, mask).item() == pytest.approx(expected)


def square(top: int, left: int) -> Tensor:
    """A mask (1, 24, 24) with a square of 8 by 8 pixels."""
    mask = torch.zeros(1, 24, 24, dtype=torch.int64)
    mask[:, top : top + 8, left : left + 8] = 1
    return mask


def certain(mask: Tensor) -> Tensor:
    return 100 * torch.nn.functional.one_hot(mask, 2).movedim(3, 1).double()


def test_a_boundary_within_the_tolerance_costs_nothing() -> None:
    losses = [
        boundary_loss(certain(square(8 + by, 8 + by)), square(8, 8), tolerance=2).item() for by in (0, 1, 2, 3, 8)
    ]
    assert losses[:3] == pytest.approx([0, 0, 0], abs=1e-6)
    assert 0 < losses[3] < losses[4] < 1


def test_pixels_beside_void_are_no_boundary() -> None:
    mask = square(8, 8)
    mask[mask == 0] = 255
    assert boundary_loss(certain(square(8, 8)), mask).item() == 0


def test_gradients_move_the_boundary() -> None:
    logits = (certain(square(8, 8)) / 50 + 0.01).requires_grad_()
    loss = BoundaryLoss(tolerance=1)
    for _ in range(3):
        value = loss(logits, square(8, 10))
        (gradient,) = torch.autograd.grad(value, logits)
        logits = (logits - 0.1 * gradient / gradient.norm()).detach().requires_grad_()
        assert loss(logits, square(8, 10)) < value


def test_a_negative_tolerance_is_refused() -> None:
    with pytest.raises(InputError, match=r"tolerance -1: expected a number of pixels, 0 or more"):
        BoundaryLoss(tolerance=-1)
