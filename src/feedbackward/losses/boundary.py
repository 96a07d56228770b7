"""The boundary loss: a smooth form of the boundary F1 score.

Bokhovkin and Burnaev (2019), "Boundary loss for remote sensing imagery semantic segmentation". It needs no distance
maps, which would have to be computed again for every augmented image.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.losses.inputs import check_several_classes, full_precision
from feedbackward.losses.joint import joint_sum
from feedbackward.losses.soft_counts import one_minus_mean_ratio


def _check_tolerance(tolerance: int) -> None:
    if tolerance < 0:
        raise InputError(f"tolerance {tolerance}: expected a number of pixels, 0 or more, such as 2")


def _dilated(values: Float[Tensor, "n classes h w"], pixels: int) -> Float[Tensor, "n classes h w"]:
    """The largest value within so many pixels, diagonally too."""
    return F.max_pool2d(values, 2 * pixels + 1, stride=1, padding=pixels)


def _boundary(
    outside: Float[Tensor, "n classes h w"], valid: Bool[Tensor, "n 1 h w"]
) -> Float[Tensor, "n classes h w"]:
    """How much each pixel is on the inner boundary of a class: inside, beside a pixel outside.

    Void pixels count as inside, so that there is no boundary between a class and void.

    Args:
        outside: The probability of each pixel not to have the class.
        valid: Which pixels are not void.
    """
    outside = outside * valid
    return (_dilated(outside, 1) - outside) * valid


def boundary_loss(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    tolerance: int = 2,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """One minus the boundary F1 score, averaged over the classes that have a boundary in the batch.

    With the boundaries X of the softmax probabilities and Y of the mask over all valid pixels of the batch, the
    precision of a class is sum(X * dilated(Y)) / sum(X) and its recall is sum(Y * dilated(X)) / sum(Y).

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        tolerance: How far a boundary may be from the true one, in pixels, diagonally too: dilated is the largest value
            within this distance.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in [0, 1], in float32 or float64 even under autocast; 0 if no class has a boundary.

    Raises:
        InputError: If there is only one class, or the tolerance is negative.

    Example:
        >>> mask = torch.tensor([[[0, 0, 1, 1]]])
        >>> certain = 50 * torch.nn.functional.one_hot(mask, 2).movedim(3, 1).float()
        >>> round(boundary_loss(certain, mask).item(), 4)
        0.0
    """
    _check_tolerance(tolerance)
    check_several_classes(logits)
    with torch.autocast(logits.device.type, enabled=False):
        probabilities = full_precision(logits).softmax(dim=1)
        classes = torch.arange(logits.shape[1], device=mask.device).view(1, -1, 1, 1)
        valid = (mask != ignore_index).unsqueeze(1)  # (n, 1, h, w) bool
        predicted = _boundary(1 - probabilities, valid)
        true = _boundary((mask.unsqueeze(1) != classes).to(probabilities.dtype), valid)

        def total(values: Tensor) -> Tensor:
            return joint_sum(values.sum(dim=(0, 2, 3)))  # (classes,)

        near, length = total(predicted * _dilated(true, tolerance)), total(predicted)
        found, true_length = total(true * _dilated(predicted, tolerance)), total(true)
        # The harmonic mean of near / length and found / true_length.
        numerator, denominator = 2 * near * found, near * true_length + found * length
        return one_minus_mean_ratio(numerator, denominator.where(denominator > 0, 1.0), true_length > 0)


class BoundaryLoss(nn.Module):
    """`boundary_loss` as a module.

    It says nothing about pixels away from boundaries: add a loss that does, such as CrossEntropyIoULoss, in a SumLoss.

    Args:
        tolerance: How far a boundary may be from the true one, in pixels, diagonally too.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: If the tolerance is negative; when called, if there is only one class.
    """

    def __init__(self, *, tolerance: int = 2, ignore_index: int = 255) -> None:
        super().__init__()
        _check_tolerance(tolerance)
        self.tolerance = tolerance
        self.ignore_index = ignore_index

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        return boundary_loss(logits, mask, tolerance=self.tolerance, ignore_index=self.ignore_index)
