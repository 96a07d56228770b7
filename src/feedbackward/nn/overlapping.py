"""Logits of classes that overlap: two for each class, absent and present, one after another along the class axis."""

from jaxtyping import Float, Int64
from torch import Tensor


def binary_logits(logits: Float[Tensor, "n logits h w"]) -> Float[Tensor, "m 2 h w"]:
    """The logits of each image and class: N * classes segmentations into absent and present."""
    return logits.reshape(-1, 2, *logits.shape[-2:])


def chosen_classes(logits: Float[Tensor, "n logits h w"], *, overlapping: bool) -> Int64[Tensor, "..."]:
    """The classes with the largest logits.

    Args:
        logits: One logit for each class, or two if classes overlap.
        overlapping: Whether they do.

    Returns:
        Class indices (N, H, W); of classes that overlap 1 where a class is present, otherwise 0, (N, classes, H, W).

    Example:
        >>> import torch
        >>> logits = torch.tensor([0.0, 1.0, 3.0, 2.0]).view(1, 4, 1, 1)
        >>> chosen_classes(logits, overlapping=False).flatten(), chosen_classes(logits, overlapping=True).flatten()
        (tensor([2]), tensor([1, 0]))
    """
    if not overlapping:
        return logits.max(dim=1).indices  # on the CPU in a quarter of the time of argmax
    present = binary_logits(logits).argmax(dim=1)
    return present.reshape(len(logits), -1, *present.shape[-2:])
