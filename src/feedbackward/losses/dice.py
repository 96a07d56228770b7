"""The Dice loss, without squares in the denominator.

Sudre et al. (2017), "Generalised Dice overlap as a deep learning loss function for highly unbalanced segmentations",
where it is named DL2. The first Dice loss, of Milletari et al. (2016), "V-Net", has squares.
"""

from jaxtyping import Float, Int64
from torch import Tensor, nn

from feedbackward.losses.tversky import tversky_loss


class DiceLoss(nn.Module):
    """One minus the soft Dice coefficient, averaged over the classes present in the batch.

    With softmax probabilities X and one-hot Y over all valid pixels of the batch, the coefficient of a class is
    2 * sum(X * Y) / (sum(X) + sum(Y)): `tversky_loss` with alpha and beta 0.5.

    Args:
        ignore_index: Mask value of pixels to ignore.

    Raises:
        InputError: When called, if there is only one class.
    """

    def __init__(self, *, ignore_index: int = 255) -> None:
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, logits: Float[Tensor, "n classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """Compute the loss of a batch."""
        return tversky_loss(logits, mask, alpha=0.5, beta=0.5, ignore_index=self.ignore_index)
