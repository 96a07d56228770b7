"""The focal loss of Lin et al. (2017), "Focal loss for dense object detection", with softmax over several classes."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.losses.class_weights import check_one_per_class, class_weights, pixel_weights
from feedbackward.losses.inputs import check_several_classes, full_precision
from feedbackward.losses.joint import joint_sum


def focal_loss(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    gamma: float = 2.0,
    weight: Float[Tensor, " classes"] | None = None,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """Cross-entropy in which pixels count less the better they are classified.

    With p the softmax probability of a pixel's class, its loss is -(1 - p) ** gamma * log(p): section 3.2, equation 4
    of the paper, and with weights equation 5. The loss is the mean over the valid pixels, each weighted by its class;
    with gamma 0 it is `cross_entropy`.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        gamma: The focusing parameter, at least 0.
        weight: Weight of each class; None for equal weights.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in float32 or float64 even under autocast; 0 if every pixel is void or has weight 0.

    Raises:
        InputError: If there is only one class.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
        >>> focal_loss(logits, torch.tensor([[[0]]])).item() == math.log(2) / 4
        True
    """
    check_several_classes(logits)
    with torch.autocast(logits.device.type, enabled=False):
        logits = full_precision(logits)
        one = torch.ones(logits.shape[1], dtype=logits.dtype, device=logits.device)
        weights = pixel_weights(
            one if weight is None else weight.to(logits.dtype), mask, ignore_index=ignore_index
        )  # (n, h, w)
        loss = F.cross_entropy(logits, mask, ignore_index=ignore_index, reduction="none")  # (n, h, w)
        # 1 - p; a power below 1 has an infinite derivative at 0.
        missing = (-torch.expm1(-loss)).clamp(min=torch.finfo(loss.dtype).tiny)
        total = joint_sum(weights.sum())
        return joint_sum((weights * missing**gamma * loss).sum()) / total.where(total > 0, 1.0)


class FocalLoss(nn.Module):
    """`focal_loss` as a module.

    Args:
        gamma: The focusing parameter, at least 0; the paper's is 2.
        weight: Weight of each class (alpha in the paper); None for equal weights.
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: If gamma is negative or not finite, or a weight is, or all weights are zero; when called, if the
            number of weights is not the number of classes, or there is only one class.
    """

    weight: Tensor | None

    def __init__(self, gamma: float = 2.0, weight: Sequence[float] | None = None, *, ignore_index: int = 255) -> None:
        super().__init__()
        if not 0 <= gamma < math.inf:
            raise InputError(f"gamma {gamma}: expected a finite number of at least 0, such as 2")
        self.gamma = gamma
        self.ignore_index = ignore_index
        self.register_buffer("weight", class_weights(weight), persistent=False)

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        check_one_per_class(self.weight, logits)
        return focal_loss(logits, mask, gamma=self.gamma, weight=self.weight, ignore_index=self.ignore_index)
