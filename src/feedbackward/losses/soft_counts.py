"""Pixels counted by their probabilities, from which the IoU and Tversky losses are computed."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from feedbackward.losses.joint import joint_sum


class SoftCounts(NamedTuple):
    """The counts of each class over all valid pixels of a batch.

    With softmax probabilities X and one-hot Y: intersection is sum(X * Y), predicted is sum(X), target is sum(Y).
    """

    intersection: Float[Tensor, " classes"]
    predicted: Float[Tensor, " classes"]
    target: Int64[Tensor, " classes"]


def soft_counts(
    logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"], *, ignore_index: int
) -> SoftCounts:
    """Count a batch, or a joint one, in the precision of the logits.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        ignore_index: Mask value of pixels to ignore.
    """
    probabilities = logits.softmax(dim=1)  # (n, classes, h, w)
    classes = torch.arange(logits.shape[1], device=mask.device).view(1, -1, 1, 1)
    valid = (mask != ignore_index).unsqueeze(1)  # (n, 1, h, w) bool
    target = mask.unsqueeze(1) == classes  # (n, classes, h, w) bool
    target &= valid  # ignore_index may be the index of a class

    count = target.sum(dim=(0, 2, 3))
    intersection = (probabilities * target).sum(dim=(0, 2, 3))
    predicted = (probabilities * valid).sum(dim=(0, 2, 3))
    return SoftCounts(joint_sum(intersection), joint_sum(predicted), joint_sum(count))


def one_minus_mean_ratio(
    numerator: Float[Tensor, " classes"], denominator: Float[Tensor, " classes"], present: Bool[Tensor, " classes"]
) -> Float[Tensor, ""]:
    """One minus the mean of the ratios of the present classes; 0 if none is present.

    Args:
        numerator: Zero for absent classes.
        denominator: Greater than zero for present classes.
        present: Which classes count.
    """
    # An absent class would put nan into the gradient by 0 / 0.
    ratio = numerator / denominator.where(present, 1.0)
    mean = ratio.sum() / present.sum().clamp(min=1)
    return present.any().to(mean.dtype) - mean
