"""Operations that join branches: sums, differences, and products with a gate."""

import operator
from typing import Any

import torch
from torch import fx

from feedbackward.transform.registry import NoRuleError, Signals, rule
from feedbackward.transform.step import Step


@rule(operator.add, torch.add, "add")
def add(step: Step, left: Any, right: Any) -> Signals:
    """The signal goes to both branches; if only transitions are retraced, to the shortcut of a residual block alone."""
    branches = step.unbroadcast(left, right)
    if step.tensors(left, right) and not branches:
        raise NoRuleError("a sum in which both operands are broadcast")
    if step.config.retrace != "all" and len(branches) == 2:
        shortcut = step.source_of(*branches)
        if shortcut is not None:
            return [(shortcut, step.signal)]
    return [(branch, step.signal) for branch in branches]


@rule(operator.sub, torch.sub, "sub")
def subtract(step: Step, left: Any, right: Any) -> Signals:
    """Like an addition; the subtracted branch gets the negated signal."""
    signals = add(step, left, right)
    minus = [branch is right and (branch is not left or i == 1) for i, (branch, _) in enumerate(signals)]
    return [
        (branch, step.emit(operator.neg, signal) if negative else signal)
        for negative, (branch, signal) in zip(minus, signals, strict=True)
    ]


@rule(operator.mul, torch.mul, "mul")
def gate(step: Step, left: Any, right: Any) -> Signals:
    """Multiplication by the encoder's gate: the factor that is broadcast to the other, or computed from it."""
    factors = step.unbroadcast(left, right)
    source = step.source_of(*factors) if len(factors) == 2 else None
    gated = factors if source is None else [source]
    return [(factor, step.emit(operator.mul, step.signal, right if factor is left else left)) for factor in gated]


@rule(operator.truediv, torch.div, "div")
def divide(step: Step, left: Any, right: Any) -> Signals:
    """Division by the encoder's divisor, which gets no signal."""
    if step.unbroadcast(right):
        raise NoRuleError("a quotient of two branches")
    return [(value, step.emit(operator.truediv, step.signal, right)) for value in step.unbroadcast(left)]


@rule(torch.sum, "sum")
def total(step: Step, x: fx.Node, dim: int, keepdim: bool = False) -> Signals:
    """A sum over an axis of branches: the signal goes to each of them."""
    if not isinstance(dim, int) or not step.shapes.is_fixed(x, dim):
        raise NoRuleError("a sum along a spatial axis")
    signal = step.signal if keepdim else step.emit("unsqueeze", step.signal, dim)
    return [(x, step.emit("expand_as", signal, x))]
