"""Layers with a weight: convolutions and linear layers, decoded with the encoder's own weight."""

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import CondConv2d, Conv2dSame
from torch import fx, nn

from feedbackward.nn import permute_weight, same_conv2d
from feedbackward.transform.registry import NoRuleError, Signals, rule
from feedbackward.transform.rules.resolution import unpadded
from feedbackward.transform.step import Step


@rule(nn.Conv2d, Conv2dSame, kind="layer")
def conv(step: Step, x: fx.Node) -> Signals:
    """Upsampling if the layer is strided, the shared weight with its channel axes swapped as permute says, a norm."""
    layer = step.module
    assert isinstance(layer, nn.Conv2d)
    return _convolve(step, x, None, step.path, dilation=layer.dilation, groups=layer.groups)


@rule(torch.conv2d, kind="layer")
def functional_conv(
    step: Step, x: fx.Node, weight: fx.Node, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Signals:  # fmt: skip
    """Like a convolution, with the weight that the encoder actually applies, such as a standardized one."""
    if not step.shapes.is_fixed(x, 1):
        raise NoRuleError("a number of channels that depends on the image size")
    return _convolve(step, x, weight, _owner(weight), dilation=dilation, groups=groups)


@rule(CondConv2d, kind="layer")
def conditional_conv(step: Step, x: fx.Node, routing: fx.Node) -> Signals:
    """Like a convolution, with the weight that the encoder mixes for each image; the routing gets no signal."""
    layer = step.module
    assert isinstance(layer, CondConv2d)

    def apply(signal: fx.Node, permutes: bool) -> fx.Node:
        # The images of a batch become groups of channels, each with its own weight, as in the encoder.
        groups = step.emit(operator.mul, step.emit("size", signal, 0), layer.groups)
        weight = step.emit("reshape", step.emit(torch.matmul, routing, step.weight()), (-1, *layer.weight_shape[1:]))
        if permutes:
            weight = step.emit(permute_weight, weight, groups=groups)
        signal = step.emit("unsqueeze", step.emit("flatten", signal, 0, 1), 0)
        signal = step.emit(same_conv2d, signal, weight, dilation=layer.dilation, groups=groups)
        return step.emit("unflatten", step.emit("squeeze", signal, 0), 0, (-1, step.shape(x)[1]))

    return _decode(step, x, apply, path=step.path, axis=1, groups=layer.groups)


@rule(nn.Linear, kind="layer")
def linear(step: Step, x: fx.Node) -> Signals:
    """The shared matrix on the last axis, transposed as permute says, then a norm."""
    return _multiply(step, x, None, step.path)


@rule(F.linear, kind="layer")
def functional_linear(step: Step, x: fx.Node, weight: fx.Node, bias: Any = None) -> Signals:
    """Like a linear layer, with the matrix that the encoder actually applies."""
    return _multiply(step, x, weight, _owner(weight))


def _convolve(step: Step, x: fx.Node, weight: fx.Node | None, path: str, *, dilation: Any, groups: int) -> Signals:
    x = unpadded(step, x)
    dilation = (dilation, dilation) if isinstance(dilation, int) else tuple(dilation)

    def apply(signal: fx.Node, permutes: bool) -> fx.Node:
        shared = step.weight() if weight is None else weight
        if permutes:
            shared = step.emit(permute_weight, shared, groups=groups)
        return step.emit(same_conv2d, signal, shared, dilation=dilation, groups=groups)

    return _decode(step, x, apply, path=path, axis=1, groups=groups)


def _multiply(step: Step, x: fx.Node, weight: fx.Node | None, path: str) -> Signals:
    def apply(signal: fx.Node, permutes: bool) -> fx.Node:
        shared = step.weight() if weight is None else weight
        return step.emit(F.linear, signal, step.emit(permute_weight, shared) if permutes else shared)

    return _decode(step, x, apply, path=path, axis=-1, groups=1)


def _decode(
    step: Step, x: fx.Node, apply: Callable[[fx.Node, bool], fx.Node], *, path: str, axis: int, groups: int
) -> Signals:
    """The decoder layer of an encoder layer: its weight applied to the signal, then a norm.

    Where the layer changes the resolution the signal is upsampled: before the weight, as in the paper, or after the
    norm, which costs less.

    Args:
        step: The step.
        x: The encoder layer's input.
        apply: Emits the application of the weight to a signal, with the weight's channel axes swapped or not.
        path: The path of the norm.
        axis: The channel axis.
        groups: The layer's groups of channels.
    """
    keeps_channels = step.shape(x)[axis] == step.shape(step.node)[axis]
    if step.config.retrace != "all" and keeps_channels and step.keeps_size(x):
        return [(x, step.signal)]
    permutes = step.config.permute == "possible" or not keeps_channels
    mixes = groups < step.shape(x)[axis]
    resizes, late = axis == 1, step.config.retrace == "stages"
    signal = step.upsampled_like(x) if resizes and not late else step.signal
    signal = step.norm(apply(signal, permutes), x, path=path, mixes=mixes, axis=axis)
    return [(x, step.upsampled_like(x, signal) if resizes and late else signal)]


def _owner(weight: fx.Node) -> str:
    """The path of the norm for a weight: the layer that has the weight, or else the parameter itself."""
    while weight.op != "get_attr":
        if not weight.all_input_nodes:
            raise NoRuleError("a weight that is not computed from a parameter")
        weight = weight.all_input_nodes[0]
    return str(weight.target).removeprefix("encoder.").removesuffix(".weight")
