"""Values split or joined along an axis: concatenations, splits, slices and stacks."""

import operator
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from feedbackward.nn import pad_like
from feedbackward.transform.registry import NoRuleError, Signals, rule
from feedbackward.transform.step import Step


@rule(torch.cat, torch.concat)
def cat(step: Step, tensors: fx.Node | Sequence[fx.Node], dim: int = 0) -> Signals:
    """Each part gets its slice of the signal."""
    tensors = _each(step, tensors)
    if not step.shapes.is_fixed(step.node, dim):
        raise NoRuleError("a concatenation along a spatial axis")
    sizes = [step.shape_of(tensor)[dim] for tensor in tensors]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [
        (tensor, step.emit(torch.narrow, step.signal, dim, start, size))
        for tensor, start, size in zip(tensors, starts, sizes, strict=True)
    ]


@rule(torch.stack)
def stack(step: Step, tensors: fx.Node | Sequence[fx.Node], dim: int = 0) -> Signals:
    """Each part gets its slice of the stacked signal."""
    return [(tensor, step.emit(torch.select, step.signal, dim, i)) for i, tensor in enumerate(_each(step, tensors))]


def _each(step: Step, tensors: fx.Node | Sequence[fx.Node]) -> Sequence[Any]:
    """The tensors of a list, or of one value that contains several."""
    if isinstance(tensors, fx.Node):
        return [(tensors, i) for i in range(len(step.shapes.reference[tensors]))]
    return tensors


@rule(torch.functional.split, torch.chunk, "split", "chunk")
def split(step: Step, x: fx.Node, sizes: Any = None, dim: int = 0, **_: Any) -> Signals:
    """The concatenated signals of the parts, with zeros for parts without a signal."""
    lengths = [shape[dim] for shape in step.shapes.reference[step.node]]
    if not step.shapes.is_fixed(x, dim):
        raise NoRuleError("a split along a spatial axis")
    parts = [
        step.arrived.get(i) or step.emit(torch.zeros_like, step.emit(torch.narrow, x, dim, sum(lengths[:i]), length))
        for i, length in enumerate(lengths)
    ]
    return [(x, step.emit(torch.cat, parts, dim))]


@rule(torch.unbind, "unbind")
def unbind(step: Step, x: fx.Node, dim: int = 0) -> Signals:
    """The stacked signals of the parts, with zeros for parts without a signal."""
    any_part = next(iter(step.arrived.values()))
    count = len(step.shapes.reference[step.node])
    parts = [step.arrived.get(i) or step.emit(torch.zeros_like, any_part) for i in range(count)]
    return [(x, step.emit(torch.stack, parts, dim))]


@rule(operator.getitem)
def part(step: Step, x: fx.Node, index: Any) -> Signals:
    """The signal padded with zeros to the input's shape."""
    parts = step.shapes.reference[x]
    if not isinstance(parts, torch.Size):
        if not isinstance(index, int):
            raise NoRuleError("an index into several tensors that is not an integer")
        return [((x, index % len(parts)), step.signal)]
    cuts = index if isinstance(index, tuple) else (index,)
    if not all(isinstance(cut, slice) and cut.step in (None, 1) for cut in cuts):
        raise NoRuleError("an index that is not made of slices with step 1")
    if all(cut.start in (None, 0) for cut in cuts):
        return [(x, step.emit(pad_like, step.signal, x))]
    around = [_around(step, x, axis, cut) for axis, cut in enumerate(cuts)]
    around += [(0, 0)] * (len(step.shape(x)) - len(cuts))
    padding = [size for pair in reversed(around) for size in pair]  # F.pad begins with the last axis
    return [(x, step.emit(F.pad, step.signal, padding))]


def _around(step: Step, x: fx.Node, axis: int, cut: slice) -> tuple[int, int]:
    """The lengths of an axis before and after a slice."""
    if any(isinstance(end, fx.Node) for end in (cut.start, cut.stop)):
        raise NoRuleError("a computed slice")
    length = step.shape(x)[axis]
    start, stop, _ = cut.indices(length)
    if not step.shapes.is_fixed(x, axis) and not (cut.start in (None, start) and cut.stop in (None, stop - length)):
        raise NoRuleError("a slice whose position depends on the image size")
    return start, length - stop
