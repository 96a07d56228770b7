"""Cross-entropy plus IoU loss, the loss of `fit` if a recipe names none."""

from collections.abc import Sequence

from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.losses.entropy import CrossEntropyLoss
from feedbackward.losses.iou import IoULoss


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
