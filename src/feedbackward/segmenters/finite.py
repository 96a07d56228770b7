"""The check that logits are numbers, of tensors and of the arrays of exported files."""

import math
from typing import Any

import numpy as np

from feedbackward.errors import InputError


def is_finite(logits: Any) -> bool:
    """Whether an array or a tensor contains neither infinity nor nan.

    Their sum is computed in a hundredth of the time of an argmax; only if that is not finite is each value looked at.

    Example:
        >>> is_finite(np.array([1.0, np.nan]))
        False
    """
    with np.errstate(all="ignore"):
        total = logits.sum().item()
    if math.isfinite(total):
        return True
    finite = np.isfinite(logits) if isinstance(logits, np.ndarray) else logits.isfinite()
    return bool(finite.all())


def checked(logits: Any) -> Any:
    """The logits, which are refused if they are not finite: the largest of them would be an arbitrary class.

    Raises:
        InputError: If one is infinite or not a number.
    """
    if not is_finite(logits):
        raise InputError(
            "the network's logits are not finite, so they choose no classes; the network or the image is damaged, or "
            "the precision too low (--precision fp32)"
        )
    return logits
