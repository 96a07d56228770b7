"""What the losses do with logits before they compute: full precision, and a check of the number of classes."""

import torch
from torch import Tensor

from feedbackward.errors import InputError


def full_precision(logits: Tensor) -> Tensor:
    """The logits in float32, or unchanged if float64: sums over many pixels overflow float16."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def check_several_classes(logits: Tensor) -> None:
    """Check that the logits have at least two classes.

    Args:
        logits: Class scores (N, classes, H, W).

    Raises:
        InputError: If they have one.
    """
    if logits.shape[1] == 1:
        raise InputError(
            "the logits have one class, whose softmax is 1 at every pixel, and the loss needs at least two; give the "
            "rest a class of its own"
        )
