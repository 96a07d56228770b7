"""Layers with a weight: convolutions and matrices, walked back through the encoder's own one."""

import operator
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import CondConv2d, Conv2dSame
from torch import fx, nn

from feedbackward.nn import permute_weight, same_conv2d
from feedbackward.transform.registry import NoRuleError, Signals, rule
from feedbackward.transform.rules.resolution import unpadded
from feedbackward.transform.step import Step


@rule(nn.Conv2d, Conv2dSame)
def conv(step: Step, x: fx.Node) -> Signals:
    """The shared weight, axes swapped where the policy says so, behind an upsampling, before a norm."""
    layer = step.module
    assert isinstance(layer, nn.Conv2d)
    return _convolve(step, x, None, step.path, dilation=layer.dilation, groups=layer.groups)


@rule(torch.conv2d)
def functional_conv(
    step: Step, x: fx.Node, weight: fx.Node, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Signals:  # fmt: skip
    """As a convolution, with the weight that the encoder really applies, such as a standardized one."""
    if not step.shapes.is_fixed(x, 1):
        raise NoRuleError("channels that depend on the image")
    return _convolve(step, x, weight, _owner(weight), dilation=dilation, groups=groups)


def _owner(weight: fx.Node) -> str:
    """The path at which a weight's norm stands: that of the parameter, or of the layer that has it as its weight."""
    while weight.op != "get_attr":
        if not weight.all_input_nodes:
            raise NoRuleError("a weight that is made from no parameter")
        weight = weight.all_input_nodes[0]
    return str(weight.target).removeprefix("encoder.").removesuffix(".weight")


def _convolve(step: Step, x: fx.Node, weight: fx.Node | None, path: str, *, dilation: Any, groups: int) -> Signals:
    x = unpadded(step, x)
    keeps_channels = step.shape(x)[1] == step.shape(step.node)[1]
    if step.policy.retrace == "transitions" and keeps_channels and step.keeps_size(x):
        return [(x, step.signal)]
    weight = step.weight() if weight is None else weight
    if step.policy.permute == "possible" or not keeps_channels:
        weight = step.emit(permute_weight, weight, groups=groups)
    dilation = (dilation, dilation) if isinstance(dilation, int) else tuple(dilation)
    signal = step.emit(same_conv2d, step.upsampled_like(x), weight, dilation=dilation, groups=groups)
    return [(x, step.norm(signal, x, path=path))]


@rule(CondConv2d)
def conditional_conv(step: Step, x: fx.Node, routing: fx.Node) -> Signals:
    """As a convolution, with the weight that the encoder mixes for each image; the routing gets no signal."""
    layer = step.module
    assert isinstance(layer, CondConv2d)
    keeps_channels = layer.in_channels == layer.out_channels
    if step.policy.retrace == "transitions" and keeps_channels and step.keeps_size(x):
        return [(x, step.signal)]
    # The images of a batch side by side as groups of channels, each with its own weight, as in the encoder.
    groups = step.emit(operator.mul, step.emit("size", step.signal, 0), layer.groups)
    weight = step.emit("reshape", step.emit(torch.matmul, routing, step.weight()), (-1, *layer.weight_shape[1:]))
    if step.policy.permute == "possible" or not keeps_channels:
        weight = step.emit(permute_weight, weight, groups=groups)
    signal = step.emit("unsqueeze", step.emit("flatten", step.upsampled_like(x), 0, 1), 0)
    signal = step.emit(same_conv2d, signal, weight, dilation=layer.dilation, groups=groups)
    return [(x, step.norm(step.emit("reshape_as", signal, x), x, path=step.path))]


@rule(nn.Linear)
def linear(step: Step, x: fx.Node) -> Signals:
    """The shared matrix on the last axis, transposed where the policy says so, before a norm."""
    return _multiply(step, x, None, step.path)


@rule(F.linear)
def functional_linear(step: Step, x: fx.Node, weight: fx.Node, bias: Any = None) -> Signals:
    """As a linear layer, with the matrix that the encoder really applies."""
    return _multiply(step, x, weight, _owner(weight))


def _multiply(step: Step, x: fx.Node, weight: fx.Node | None, path: str) -> Signals:
    keeps_channels = step.shape(x)[-1] == step.shape(step.node)[-1]
    if step.policy.retrace == "transitions" and keeps_channels:
        return [(x, step.signal)]
    weight = step.weight() if weight is None else weight
    if step.policy.permute == "possible" or not keeps_channels:
        weight = step.emit(permute_weight, weight)
    return [(x, step.norm(step.emit(F.linear, step.signal, weight), x, path=path, axis=-1))]
