"""Cross-entropy of the hardest pixels: online hard example mining.

Shrivastava, Gupta and Girshick (2016), "Training region-based object detectors with online hard example mining";
for pixels Wu, Shen and van den Hengel (2016), "High-performance semantic segmentation using very deep fully
convolutional networks", where it is called online bootstrapping.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.losses.inputs import check_several_classes, full_precision
from feedbackward.losses.joint import joint_sum


def _check_options(share: float | None, threshold: float | None) -> None:
    if share is None and threshold is None:
        raise InputError("which pixels are hard? give a share, such as 0.25, or a threshold, such as 0.7")
    if share is not None and not 0 < share <= 1:
        raise InputError(f"share {share}: expected a number greater than 0 and at most 1, such as 0.25")
    if threshold is not None and not 0 < threshold < 1:
        raise InputError(f"threshold {threshold}: expected a number greater than 0 and less than 1, such as 0.7")


def ohem_cross_entropy(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    share: float | None = None,
    threshold: float | None = None,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """Cross-entropy, averaged over the hardest valid pixels of the batch, those where it is largest.

    Their number is the share of the valid pixels, rounded up, or the number of those whose softmax probability of their
    class is less than the threshold; of both the larger. In a joint batch the share is taken within each process.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        share: The share of the valid pixels, greater than 0 and at most 1.
        threshold: The probability, greater than 0 and less than 1.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in float32 or float64 even under autocast; 0 if no pixel is hard, or every pixel is void.

    Raises:
        InputError: If neither share nor threshold is given, or one is out of range, or there is only one class.

    Example:
        >>> logits = torch.tensor([[0.0, 50.0], [0.0, 0.0]]).view(1, 2, 1, 2)  # the second pixel is certain
        >>> round(ohem_cross_entropy(logits, torch.tensor([[[0, 0]]]), share=0.5).item(), 4)  # log(2)
        0.6931
    """
    _check_options(share, threshold)
    check_several_classes(logits)
    with torch.autocast(logits.device.type, enabled=False):
        loss = F.cross_entropy(full_precision(logits), mask, ignore_index=ignore_index, reduction="none")
        loss = loss[mask != ignore_index]  # (pixels,)
        below = 0 if threshold is None else int((loss > -math.log(threshold)).sum())
        count = max(below, 0 if share is None else math.ceil(share * len(loss)))
        hardest = joint_sum(loss.topk(count, sorted=False).values.sum())
        return hardest / joint_sum(mask.new_tensor(count)).clamp(min=1)


class OHEMCrossEntropyLoss(nn.Module):
    """`ohem_cross_entropy` as a module: the hardest share of the pixels, those below a threshold, or both.

    With a threshold alone few pixels are left late in a training, often mislabeled ones; give a share with it to have
    at least those.

    Args:
        share: The share of the valid pixels of a batch that count at least, greater than 0 and at most 1.
        threshold: Pixels count if the probability of their class is less, greater than 0 and less than 1.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: If neither share nor threshold is given, or one is out of range; when called, if there is only one
            class.
    """

    def __init__(self, *, share: float | None = None, threshold: float | None = None, ignore_index: int = 255) -> None:
        super().__init__()
        _check_options(share, threshold)
        self.share = share
        self.threshold = threshold
        self.ignore_index = ignore_index

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        return ohem_cross_entropy(
            logits, mask, share=self.share, threshold=self.threshold, ignore_index=self.ignore_index
        )
