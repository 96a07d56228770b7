"""Operations that work on each value alone, or on all alike: norms, activations and the skip."""

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import BatchNormAct2d, activations, activations_me
from torch import fx, nn

from feedbackward.nn import fuse
from feedbackward.transform.registry import REGISTRY, Signals, Target, rule
from feedbackward.transform.step import IDENTITIES, Step
from feedbackward.transform.trace import ACTIVATING_NORMS, ACTIVATIONS, NORMS


@rule(
    nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, F.group_norm, F.layer_norm, F.rms_norm, F.normalize,
    *NORMS, *IDENTITIES,
)  # fmt: skip
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
    activations_me.HardMishMe, *ACTIVATIONS,
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


@rule(*ACTIVATING_NORMS)
def activating_norm(step: Step, x: fx.Node) -> Signals:
    """A norm that cannot be told apart from its activation: both again, and the skip; a bare norm does nothing."""
    return activation(step, x) if step.module.apply_act else passes(step, x)


def is_activation(target: Target) -> bool:
    """Whether the operation works on each value by itself, with a skip behind it on the way back."""
    return target in REGISTRY and REGISTRY[target] is activation


def _follows_a_passed_layer(step: Step) -> bool:
    """Whether the signal was fused already and no layer has changed it since: then its layer is passed by whole."""
    return step.policy.retrace == "transitions" and step.signal.target is fuse
