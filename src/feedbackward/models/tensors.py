"""Comparing the tensors of a file with those of a module."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from feedbackward.errors import listed

COUNTER = ".num_batches_tracked"
"""The end of the names of counters, which old files lack and no computation here uses."""


def mismatches(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What is missing or of another shape, with the first names, for messages; empty if nothing is.

    Example:
        >>> import torch
        >>> mismatches({"a": torch.zeros(2), "b": torch.zeros(3)}, {"b": torch.zeros(4)})
        ['1 of 2 tensors missing (a)', '1 of another shape (b is 4, expected 3)']
    """
    problems = []
    if missing := expected.keys() - found.keys():
        problems.append(f"{len(missing)} of {len(expected)} tensors missing ({first(missing)})")
    other = [
        f"{name} is {_shape(found[name])}, expected {_shape(tensor)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    if other:
        problems.append(f"{len(other)} of another shape ({listed(other, most=3)})")
    return problems


def first(names: Iterable[str]) -> str:
    """The first three names and the number of the rest."""
    return listed(sorted(names), most=3)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
