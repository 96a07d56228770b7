"""Any loss, for classes that overlap."""

from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.nn.overlapping import binary_logits


class OverlappingLoss(nn.Module):
    """Applies a loss to the segmentations of all images and classes into absent and present, as one batch.

    The softmax over the two logits of a class is the sigmoid of their difference: CrossEntropyLoss becomes binary
    cross-entropy.

    Args:
        loss: Called with logits (N, 2, H, W) and mask (N, H, W).
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Float[Tensor, "n logits h w"], mask: Int64[Tensor, "n classes h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch.

        Args:
            logits: Two for each class, absent and present.
            mask: 1 where a class is present, 0 where it is absent, and the loss's ignore_index.
        """
        loss: Tensor = self.loss(binary_logits(logits), mask.flatten(0, 1))
        return loss
