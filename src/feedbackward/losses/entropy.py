"""Cross-entropy, the mean over valid pixels: 0, not nan as in torch, if there are none."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.losses.class_weights import check_one_per_class, class_weights, pixel_weights
from feedbackward.losses.inputs import full_precision
from feedbackward.losses.joint import joint_sum


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
        logits = full_precision(logits)
        if weight is None:
            total = (mask != ignore_index).sum()
        else:
            weight = weight.to(logits.dtype)
            total = pixel_weights(weight, mask, ignore_index=ignore_index).sum()
        loss = F.cross_entropy(logits, mask, weight=weight, ignore_index=ignore_index, reduction="sum")
        loss, total = joint_sum(loss), joint_sum(total).to(logits.dtype)
        return loss / total.where(total > 0, 1.0)


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
        # Not persistent, so that a checkpoint loads with any loss: the weights are part of the configuration.
        self.register_buffer("weight", class_weights(weight), persistent=False)

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        check_one_per_class(self.weight, logits)
        return cross_entropy(logits, mask, weight=self.weight, ignore_index=self.ignore_index)
