"""The Tversky loss, here for several classes.

Salehi, Erdogmus and Gholipour (2017), "Tversky loss function for image segmentation using 3D fully convolutional deep
networks".
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.losses.inputs import check_several_classes, full_precision
from feedbackward.losses.soft_counts import one_minus_mean_ratio, soft_counts


def tversky_loss(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    alpha: float,
    beta: float,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """One minus the soft Tversky index, averaged over the classes present in the batch.

    With softmax probabilities X and one-hot Y over all valid pixels of the batch, per class TP = sum(X * Y),
    FP = sum(X * (1 - Y)) and FN = sum((1 - X) * Y); the loss is 1 - mean(TP / (TP + alpha * FP + beta * FN)), for one
    class with the paper's Tversky index. An absent class does not enter the mean; its probabilities are false negatives
    of the present ones.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, greater than 0.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in [0, 1], in float32 or float64 even under autocast; 0 if every pixel is void.

    Raises:
        InputError: If there is only one class.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 1)
        >>> tversky_loss(logits, torch.tensor([[[0]]]), alpha=0.3, beta=1.0).item()
        0.5
    """
    check_several_classes(logits)
    with torch.autocast(logits.device.type, enabled=False):
        hits, predicted, target = soft_counts(full_precision(logits), mask, ignore_index=ignore_index)
        return one_minus_mean_ratio(hits, hits + alpha * (predicted - hits) + beta * (target - hits), target > 0)


class TverskyLoss(nn.Module):
    """`tversky_loss` as a module: 0.5 and 0.5 give the Dice loss, 1 and 1 the IoU loss.

    Args:
        alpha: Weight of false positives, at least 0.
        beta: Weight of false negatives, greater than 0; greater than alpha, it favors recall.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: If alpha or beta is out of range; when called, if there is only one class.
    """

    def __init__(self, *, alpha: float, beta: float, ignore_index: int = 255) -> None:
        super().__init__()
        # With beta 0 a class of probability 0 everywhere gives 0 / 0.
        if not (0 <= alpha < math.inf and 0 < beta < math.inf):
            raise InputError(
                f"alpha {alpha} and beta {beta}: expected finite numbers, alpha of at least 0 and beta greater than 0"
            )
        self.alpha = alpha
        self.beta = beta
        self.ignore_index = ignore_index

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        return tversky_loss(logits, mask, alpha=self.alpha, beta=self.beta, ignore_index=self.ignore_index)
