"""The rules: what each operation of an encoder does to the signal on the way back (the paper's Section 4).

A rule takes a Step and the arguments of the encoder's own call, and returns which values get which signal.
"""

import operator
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import (
    AvgPool2dSame,
    BatchNormAct2d,
    Conv2dSame,
    DropPath,
    activations,
    activations_me,
)
from timm.layers.pool2d_same import MaxPool2dSame
from torch import fx, nn

from feedbackward.graph.registry import REGISTRY, NoRuleError, Signals, Target, rule
from feedbackward.graph.step import Step
from feedbackward.nn import fuse, permute_weight, same_conv2d


@rule(nn.Conv2d, Conv2dSame)
def conv(step: Step, x: fx.Node) -> Signals:
    """The shared weight, axes swapped where the policy says so, behind an upsampling, before a norm."""
    layer = step.module
    assert isinstance(layer, nn.Conv2d)
    keeps_channels = layer.in_channels == layer.out_channels
    if step.policy.retrace == "transitions" and keeps_channels and step.keeps_size(x):
        return [(x, step.signal)]
    weight = step.weight()
    if step.policy.permute == "possible" or not keeps_channels:
        weight = step.emit(permute_weight, weight, groups=layer.groups)
    signal = step.upsampled_like(x)
    signal = step.emit(same_conv2d, signal, weight, dilation=layer.dilation, groups=layer.groups)
    return [(x, step.norm(signal, layer.in_channels))]


@rule(
    nn.BatchNorm2d, nn.GroupNorm, F.group_norm, nn.Identity, nn.Dropout, nn.Dropout2d, DropPath, F.dropout, "contiguous"
)
def passes(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Nothing: the norm of the way back stands at the convolution."""
    return [(x, step.signal)]


@rule(
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.Mish, nn.GELU, nn.Hardswish,
    nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Softplus,
    activations.Swish, activations.Mish, activations.Sigmoid, activations.Tanh, activations.HardSwish,
    activations.HardSigmoid, activations.HardMish, activations.PReLU, activations.GELU, activations.GELUTanh,
    activations.QuickGELU,
    activations_me.SwishMe, activations_me.MishMe, activations_me.HardSigmoidMe, activations_me.HardSwishMe,
    activations_me.HardMishMe,
    F.relu, F.relu6, F.leaky_relu, F.elu, F.silu, F.mish, F.gelu, F.hardswish, F.softplus,
    torch.relu, torch.sigmoid, torch.tanh, "relu", "sigmoid", "tanh",
)  # fmt: skip
def activation(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """The same activation, and the skip: the encoder's own output of this node joins."""
    if _follows_a_passed_layer(step):
        return [(x, step.signal)]
    return [(x, step.emit(fuse, step.repeat(), step.node))]


@rule(BatchNormAct2d)
def norm_activation(step: Step, x: fx.Node) -> Signals:
    """A norm that holds its activation: the activation alone, and the skip; a bare norm does nothing."""
    layer = step.module
    assert isinstance(layer, BatchNormAct2d)
    if isinstance(layer.act, nn.Identity) or _follows_a_passed_layer(step):
        return [(x, step.signal)]
    return [(x, step.emit(fuse, step.emit_module(f"{step.path}.act", step.signal), step.node))]


def _follows_a_passed_layer(step: Step) -> bool:
    """Whether the signal was fused already and no layer has changed it since: then its layer is passed by whole."""
    return step.policy.retrace == "transitions" and step.signal.target is fuse


@rule(
    nn.MaxPool2d, nn.AvgPool2d, MaxPool2dSame, AvgPool2dSame, F.max_pool2d, F.avg_pool2d,
)  # fmt: skip
def pool(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Nearest upsampling to the size of the pool's input."""
    return [(x, step.upsampled_like(x))]


@rule(operator.add, torch.add, "add")
def add(step: Step, left: Any, right: Any) -> Signals:
    """The signal goes to both branches; to the shortcut alone where a residual branch is passed by."""
    branches = step.tensors(left, right)
    if any(step.shape(branch) != step.shape(step.node) for branch in branches):
        raise NoRuleError("an addition that spreads one value over the other")
    if step.policy.retrace == "transitions" and len(branches) == 2:
        shortcut = step.source_of(*branches)
        if shortcut is not None:
            return [(shortcut, step.signal)]
    return [(value, step.signal) for value in branches]


@rule(torch.cat, torch.concat)
def cat(step: Step, tensors: Sequence[fx.Node], dim: int = 0) -> Signals:
    """To each part its slice of the signal."""
    sizes = [step.shape(tensor)[dim] for tensor in tensors]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [
        (tensor, step.emit(torch.narrow, step.signal, dim, start, size))
        for tensor, start, size in zip(tensors, starts, sizes, strict=True)
    ]


@rule(operator.mul, torch.mul, "mul")
def gate(step: Step, left: Any, right: Any) -> Signals:
    """Multiplication by the encoder's own gate: the factor that is spread over the other, or made from it."""
    whole = [value for value in step.tensors(left, right) if step.shape(value) == step.shape(step.node)]
    gated = step.source_of(*whole) if len(whole) == 2 else whole[0]
    if gated is None:
        raise NoRuleError("a product of two branches, which does not tell the gate from what is gated")
    return [(gated, step.emit(operator.mul, step.signal, right if gated is left else left))]


def turns_around(target: Target) -> bool:
    """Whether the operation, standing last in an encoder, is the paper's U-turn with its own way back."""
    return target in REGISTRY and REGISTRY[target] is pool
