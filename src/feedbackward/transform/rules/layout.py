"""Operations that change the layout of the same values: the decoder applies the inverse."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.transform.registry import Signals, rule
from feedbackward.transform.step import Step


@rule(
    "view", "reshape", "reshape_as", "view_as", "flatten", "unflatten", "squeeze", "unsqueeze",
    torch.reshape, torch.flatten, torch.squeeze, torch.unsqueeze,
)  # fmt: skip
def reshape(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """A reshape to the input's shape."""
    return [(x, step.emit("reshape_as", step.signal, x))]


@rule("permute", torch.permute)
def permute(step: Step, x: fx.Node, *axes: Any, dims: Sequence[int] = ()) -> Signals:
    """The inverse permutation."""
    order = dims or (axes[0] if isinstance(axes[0], (tuple, list)) else axes)
    axes = tuple(axis % len(order) for axis in order)
    return [(x, step.emit("permute", step.signal, tuple(map(axes.index, range(len(axes))))))]


@rule("transpose", torch.transpose)
def transpose(step: Step, x: fx.Node, dim0: int, dim1: int) -> Signals:
    """The same transposition."""
    return [(x, step.emit("transpose", step.signal, dim0, dim1))]


@rule(torch.roll)
def roll(step: Step, x: fx.Node, shifts: Any, dims: Any) -> Signals:
    """The inverse roll."""
    back = tuple(map(step.negated, shifts)) if isinstance(shifts, (tuple, list)) else step.negated(shifts)
    return [(x, step.emit(torch.roll, step.signal, back, dims))]


@rule(nn.PixelUnshuffle)
def unshuffle(step: Step, x: fx.Node) -> Signals:
    """The inverse shuffle."""
    layer = step.module
    assert isinstance(layer, nn.PixelUnshuffle)
    return [(x, step.emit(F.pixel_shuffle, step.signal, layer.downscale_factor))]


@rule(nn.PixelShuffle)
def shuffle(step: Step, x: fx.Node) -> Signals:
    """The inverse shuffle."""
    layer = step.module
    assert isinstance(layer, nn.PixelShuffle)
    return [(x, step.emit(F.pixel_unshuffle, step.signal, layer.upscale_factor))]


@rule(nn.ChannelShuffle)
def channel_shuffle(step: Step, x: fx.Node) -> Signals:
    """The inverse shuffle."""
    layer = step.module
    assert isinstance(layer, nn.ChannelShuffle)
    return [(x, step.emit(F.channel_shuffle, step.signal, step.shape(x)[1] // layer.groups))]
