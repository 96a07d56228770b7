"""A weighted sum of losses, for recipes: any modules called with logits and mask."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.losses.class_weights import check_weights
from feedbackward.losses.inputs import full_precision


class SumLoss(nn.Module):
    """The sum of losses, each times its weight.

    Each loss has its own ignore_index. The losses see logits in float32 or float64, and no autocast.

    Args:
        losses: Modules called with logits (N, classes, H, W) and mask (N, H, W).
        weights: One weight per loss.

    Raises:
        InputError: If there are no losses, losses and weights differ in number, a weight is negative or not finite, or
            all are zero.

    Example:
        >>> from feedbackward.losses import CrossEntropyLoss, DiceLoss
        >>> loss = SumLoss([CrossEntropyLoss(), DiceLoss()], [1.0, 0.5])
        >>> round(loss(torch.zeros(1, 2, 1, 1), torch.tensor([[[0]]])).item(), 4)  # log(2) + 0.5 / 3
        0.8598
    """

    def __init__(self, losses: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        if not losses:
            raise InputError("SumLoss has no losses; give at least one, and a weight for each")
        if len(losses) != len(weights):
            raise InputError(f"losses ({len(losses)}) and weights ({len(weights)}) differ in number; give one per loss")
        check_weights(weights, of="loss")
        self.losses = nn.ModuleList(losses)
        self.weights = tuple(weights)

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        with torch.autocast(logits.device.type, enabled=False):
            logits = full_precision(logits)
            terms = [weight * loss(logits, mask) for loss, weight in zip(self.losses, self.weights, strict=True)]
            return torch.stack(terms).sum(dim=0)
