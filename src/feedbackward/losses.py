"""The training losses: IoU loss, cross-entropy and their sum.

The IoU loss is that of Rahman and Wang (2016), "Optimizing intersection-over-union in deep neural networks for image
segmentation". Void pixels are ignored; a batch with only void pixels gives 0 and a zero gradient.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError


def _full_precision(logits: Tensor) -> Tensor:
    """The logits in float32, or unchanged if float64: sums over many pixels overflow float16."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


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
        probabilities = _full_precision(logits).softmax(dim=1)  # (n, classes, h, w)
        classes = torch.arange(logits.shape[1], device=mask.device).view(1, -1, 1, 1)
        target = mask.unsqueeze(1) == classes  # (n, classes, h, w) bool
        valid = (mask != ignore_index).unsqueeze(1)  # (n, 1, h, w) bool

        count = target.sum(dim=(0, 2, 3))
        intersection = (probabilities * target).sum(dim=(0, 2, 3))
        union = (probabilities * valid).sum(dim=(0, 2, 3)) + count - intersection

        present = count > 0
        # An absent class would put nan into the gradient by 0 / 0.
        iou = intersection / union.where(present, 1.0)
        mean_iou = iou.sum() / present.sum().clamp(min=1)
        return present.any().to(mean_iou.dtype) - mean_iou


def cross_entropy(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """Cross-entropy, averaged over the valid pixels, each weighted by its class.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        weight: Weight of each class; None for equal weights.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in float32 or float64 even under autocast; 0, not nan, if every pixel is void or has weight 0.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = _full_precision(logits)
        valid = mask != ignore_index
        if weight is None:
            total = valid.sum().to(logits.dtype)
        else:
            weight = weight.to(logits.dtype)
            total = (weight[mask.where(valid, 0)] * valid).sum()
        loss = F.cross_entropy(logits, mask, weight=weight, ignore_index=ignore_index, reduction="sum")
        return loss / total.where(total > 0, 1.0)


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


class CrossEntropyLoss(nn.Module):
    """`cross_entropy` as a module.

    Args:
        weight: Weight of each class; None for equal weights.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: If a weight is negative or not finite or all are zero; when called, if the number of weights is not
            the number of classes.
    """

    weight: Tensor | None

    def __init__(self, weight: Sequence[float] | None = None, *, ignore_index: int = 255) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        if weight is not None and not (all(math.isfinite(w) and w >= 0 for w in weight) and any(weight)):
            raise InputError(
                f"class weights {list(weight)}: expected finite numbers of at least 0, at least one of them greater"
            )
        tensor = None if weight is None else torch.tensor(weight, dtype=torch.float32)
        # Not persistent, so that a checkpoint loads with any loss: the weights are part of the configuration.
        self.register_buffer("weight", tensor, persistent=False)

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        if self.weight is not None and len(self.weight) != logits.shape[1]:
            raise InputError(
                f"{len(self.weight)} class weights for {logits.shape[1]} classes; give one weight per class"
            )
        return cross_entropy(logits, mask, weight=self.weight, ignore_index=self.ignore_index)


class CrossEntropyIoULoss(nn.Module):
    """The sum of CrossEntropyLoss and IoULoss.

    Args:
        weight: Class weights of the cross-entropy; the IoU loss weights all classes equally.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: See CrossEntropyLoss.
    """

    def __init__(self, weight: Sequence[float] | None = None, *, ignore_index: int = 255) -> None:
        super().__init__()
        self.cross_entropy = CrossEntropyLoss(weight, ignore_index=ignore_index)
        self.iou = IoULoss(ignore_index=ignore_index)

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        loss: Tensor = self.cross_entropy(logits, mask) + self.iou(logits, mask)
        return loss
