"""Weights of classes: checked, stored and looked up for each pixel."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from feedbackward.errors import InputError


def check_weights(weights: Sequence[float], *, of: str) -> None:
    """Check that weights can be used in a sum.

    Args:
        weights: The weights.
        of: What they weight, for the message.

    Raises:
        InputError: If a weight is negative or not finite or all are zero.
    """
    if not (all(math.isfinite(weight) and weight >= 0 for weight in weights) and any(weights)):
        raise InputError(
            f"{of} weights {list(weights)}: expected finite numbers of at least 0, at least one of them greater"
        )


def class_weights(weight: Sequence[float] | None) -> Tensor | None:
    """The weights of the classes as a tensor; None for equal weights.

    Raises:
        InputError: See check_weights.
    """
    if weight is None:
        return None
    check_weights(weight, of="class")
    return torch.tensor(weight, dtype=torch.float32)


def check_one_per_class(weight: Tensor | None, logits: Tensor) -> None:
    """Check that there are as many weights as classes.

    Raises:
        InputError: If not.
    """
    if weight is not None and len(weight) != logits.shape[1]:
        raise InputError(f"{len(weight)} class weights for {logits.shape[1]} classes; give one weight per class")


def pixel_weights(
    weight: Float[Tensor, " classes"], mask: Int64[Tensor, "n h w"], *, ignore_index: int
) -> Float[Tensor, "n h w"]:
    """The weight of each pixel: that of its class, and 0 for void."""
    valid = mask != ignore_index
    return weight[mask.where(valid, 0)] * valid
