"""The IoU loss.

Rahman and Wang (2016), "Optimizing intersection-over-union in deep neural networks for image segmentation".
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.losses.inputs import full_precision
from feedbackward.losses.soft_counts import one_minus_mean_ratio, soft_counts


def iou_loss(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """One minus the soft intersection over union, averaged over the classes present in the batch.

    With softmax probabilities X and one-hot Y over all valid pixels of the batch, per class I = sum(X * Y)
    and U = sum(X + Y - X * Y); the loss is 1 - mean(I / U).

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in [0, 1], in float32 or float64 even under autocast; 0 if every pixel is void.

    Example:
        >>> logits = torch.tensor([50.0, 0.0]).view(1, 2, 1, 1)
        >>> iou_loss(logits, torch.tensor([[[0]]])).item()
        0.0
    """
    with torch.autocast(logits.device.type, enabled=False):
        intersection, predicted, target = soft_counts(full_precision(logits), mask, ignore_index=ignore_index)
        return one_minus_mean_ratio(intersection, predicted + target - intersection, target > 0)


class IoULoss(nn.Module):
    """`iou_loss` as a module.

    Args:
        ignore_index: Mask value of pixels to ignore.
    """

    def __init__(self, *, ignore_index: int = 255) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        return iou_loss(logits, mask, ignore_index=self.ignore_index)
