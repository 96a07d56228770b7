"""The tensors of a file: whether they are there in full, and how they differ from those of a module."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.errors import InputError, listed

COUNTER = ".num_batches_tracked"
"""The end of the names of counters, which old files lack and no computation here uses."""


def mismatches(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What is missing, of another shape or of another kind of numbers, for messages; empty if nothing is.

    Numbers of any precision fit, and integers do not where the module has floating point, nor the other way round.

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
    if kinds := [
        f"{name} is {_dtype(found[name])}, expected {_dtype(tensor)}"
        for name, tensor in expected.items()
        if name in found and found[name].is_floating_point() != tensor.is_floating_point()
    ]:
        problems.append(f"{len(kinds)} of another type ({listed(kinds, most=3)})")
    return problems


def check_stored(content: Any, path: Path) -> None:
    """Refuse tensors that have more numbers than are stored: a copy of one would take more memory than the file has.

    Args:
        content: What torch.load has returned: tensors in dictionaries, lists and tuples.
        path: The file, for messages.

    Raises:
        InputError: If there is such a tensor, or a sparse one.
    """
    left, seen = [content], set[int]()
    while left:
        value = left.pop()
        if id(value) in seen:  # it can contain itself
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            stored = value.untyped_storage().nbytes() if value.layout is torch.strided else 0
            if value.numel() * value.itemsize > stored:
                raise InputError(
                    f"{path} was not loaded: a tensor of {_shape(value)} numbers has {stored:,} bytes in the file, and "
                    f"its copy would fill the memory; save its clone()"
                )
        elif isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value


def first(names: Iterable[str]) -> str:
    """The first three names and the number of the rest."""
    return listed(sorted(names), most=3)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
