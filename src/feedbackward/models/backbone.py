"""Recognizing the weights of a backbone: a few numbers for each tensor, which survive a cast to half precision."""

import base64
import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.errors import InputError, listed
from feedbackward.models.tensors import COUNTER

FREQUENCIES = tuple(math.sqrt(prime) for prime in (2, 3, 5))
"""The directions of the projections are cosines of these frequencies, irrational so that no layout repeats them."""
RELATIVE, ABSOLUTE = 2.0**-9, 2.0**-23
"""The largest difference between the numbers of a tensor and those of its copy in half precision, whose values have 11
bits, and are multiples of 2^-24 below 2^-14."""


def backbone_fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Summarize the weights of a backbone in base64 text of some 21 characters for each tensor.

    For each tensor, in the order of names, it contains four float32: the root mean square, and projections on three
    fixed directions, in which tensors that differ by a fraction of the former also differ by about that fraction.

    Args:
        tensors: Weights by name; counters are ignored.
    """
    return base64.b64encode(_summary(tensors).tobytes()).decode()


def read_fingerprint(text: str) -> NDArray[np.float32]:
    """The numbers of a fingerprint, float32 (tensors, 4).

    Raises:
        ValueError: If the text is not one.
    """
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").reshape(-1, 1 + len(FREQUENCIES))


def check_backbone(tensors: Mapping[str, Tensor], expected: str) -> None:
    """Check that weights are those of a fingerprint, up to a cast to half precision.

    Raises:
        InputError: If they are other weights; the message names the first tensors that differ.
    """
    wanted = read_fingerprint(expected)
    found = _summary(tensors)
    if found.shape != wanted.shape:
        raise InputError(f"{len(found)} tensors, and those of the adapter's backbone are {len(wanted)}")
    tolerance = RELATIVE * wanted[:, :1] + ABSOLUTE
    names = sorted(_counted(tensors))
    fits = np.all(np.abs(found - wanted) <= tolerance, axis=1)
    other = [name for name, fit in zip(names, fits.tolist(), strict=True) if not fit]
    if other:
        raise InputError(f"{len(other)} of {len(names)} tensors differ ({listed(other, most=3)})")


def _counted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(COUNTER)}


def _summary(tensors: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """Root mean square and projections of each tensor, float32 (tensors, 4)."""
    rows = [_numbers(tensor) for _, tensor in sorted(_counted(tensors).items())]
    return np.array(rows, dtype="<f4").reshape(-1, 1 + len(FREQUENCIES))


def _numbers(tensor: Tensor) -> list[float]:
    values = tensor.detach().double().flatten().cpu()
    angles = torch.arange(1, len(values) + 1, dtype=torch.float64) * 2 * math.pi
    scale = math.sqrt(2 / len(values))
    projections = [(values @ torch.cos(angles * frequency)).item() * scale for frequency in FREQUENCIES]
    return [values.square().mean().sqrt().item(), *projections]
