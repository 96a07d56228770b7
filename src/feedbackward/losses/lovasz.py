"""The Lovász-softmax loss.

Berman, Rannen Triki and Blaschko (2018), "The Lovász-softmax loss: a tractable surrogate for the optimization of the
intersection-over-union measure in neural networks".
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from feedbackward.losses.inputs import check_several_classes, full_precision


def _jaccard_steps(target: Bool[Tensor, " pixels"], dtype: torch.dtype) -> Float[Tensor, " pixels"]:
    """How much the Jaccard loss of a class grows with each pixel that becomes an error (the paper's algorithm 1).

    The paper subtracts successive losses I / U, which cancel in float32 over many pixels. Here a false negative adds
    1 / U and a false positive I / U - I / (U + 1).

    Args:
        target: Which pixels have the class, at least one, by descending error.
        dtype: The type of the result.
    """
    count = target.sum()
    intersection = (count - target.cumsum(0)).to(dtype)  # after the pixel
    union = (count + (~target).cumsum(0)).to(dtype)  # after the pixel
    return torch.where(target, 1 / union, intersection / union / (union - 1))


def lovasz_loss(
    logits: Float[Tensor, "n classes h w"],
    mask: Int64[Tensor, "n h w"],
    *,
    ignore_index: int = 255,
) -> Float[Tensor, ""]:
    """The Lovász extension of the Jaccard loss, averaged over the classes present in the batch.

    With softmax probabilities X and one-hot Y, the errors of a class are m = abs(Y - X) at the valid pixels of the
    batch (the paper's vector of pixel errors), and its loss is sum(m * g) over the pixels by descending error (the
    paper's definition of the Lovász extension), where g is the increase of the Jaccard loss if this pixel becomes an
    error too. It sorts all pixels, so that in several processes it is the mean of their losses, not that of the joint
    batch.

    Args:
        logits: Unnormalized class scores.
        mask: Class indices, or ignore_index for void.
        ignore_index: Mask value of pixels to ignore.

    Returns:
        A scalar in [0, 1], in float32 or float64 even under autocast; 0 if every pixel is void.

    Raises:
        InputError: If there is only one class.

    Example:
        >>> logits = torch.zeros(1, 2, 1, 1)
        >>> lovasz_loss(logits, torch.tensor([[[0]]])).item()
        0.5
    """
    check_several_classes(logits)
    with torch.autocast(logits.device.type, enabled=False):
        valid = mask != ignore_index
        labels = mask[valid]  # (pixels,)
        probabilities = full_precision(logits).softmax(dim=1).movedim(1, 0)[:, valid]  # (classes, pixels)
        losses = []
        for index in torch.unique(labels).tolist():  # all classes at once would take classes times the memory
            target = labels == index
            errors, order = (target.to(probabilities.dtype) - probabilities[index]).abs().sort(descending=True)
            losses.append((errors * _jaccard_steps(target[order], errors.dtype)).sum())
        return torch.stack(losses).mean() if losses else probabilities.sum()  # of no pixels: 0 with a zero gradient


class LovaszLoss(nn.Module):
    """`lovasz_loss` as a module.

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
        return lovasz_loss(logits, mask, ignore_index=self.ignore_index)
