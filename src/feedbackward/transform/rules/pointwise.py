"""Pointwise operations: identities, norms, activations and the skip connection."""

from typing import Any

import torch
import torch.nn.functional as F
from timm import layers as tl
from timm.layers import BatchNormAct2d, DropPath, SyncBatchNormAct, activations, activations_me, grn
from timm.layers import norm as timm_norms
from timm.models import metaformer, nfnet
from torch import fx, nn
from torchvision.ops import StochasticDepth

from feedbackward.nn.sync_norm import SyncNorm, SyncNormAct
from feedbackward.transform.registry import Signals, rule
from feedbackward.transform.step import Step

NORMS: tuple[type[nn.Module], ...] = (
    tl.GroupNorm, tl.GroupNorm1, tl.LayerNorm, tl.LayerNorm2d, timm_norms.LayerNormExp2d, tl.LayerNormFp32,
    tl.LayerNorm2dFp32, tl.RmsNorm, tl.RmsNorm2d, tl.SimpleNorm, tl.SimpleNorm2d, grn.GlobalResponseNorm,
    metaformer.GroupNorm1NoBias, metaformer.LayerNorm2dNoBias, metaformer.LayerNormNoBias,
)  # fmt: skip
"""timm's norms that are implemented as several operations."""
ACTIVATIONS: tuple[type[nn.Module], ...] = (metaformer.StarReLU, nfnet.GammaAct)
"""timm's activations that are implemented as several operations."""
ACTIVATING_NORMS: tuple[type[nn.Module], ...] = (tl.EvoNorm2dS0, tl.EvoNorm2dS0a, tl.FilterResponseNormTlu2d)
"""Norms that cannot be separated from their activation."""
NORM_ACTIVATIONS: tuple[type[nn.Module], ...] = (BatchNormAct2d, SyncBatchNormAct, SyncNormAct)
"""Norms with a built-in activation."""


@rule(
    nn.Identity, nn.Dropout, nn.Dropout2d, DropPath, StochasticDepth, "contiguous", "to", "type_as", "float",
    kind="identity",
)  # fmt: skip
def identity(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Nothing."""
    return [(x, step.signal)]


@rule(
    nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm, SyncNorm, nn.GroupNorm, nn.LayerNorm,
    F.group_norm, F.layer_norm, F.rms_norm, F.normalize, *NORMS, kind="norm",
)  # fmt: skip
def norm(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Nothing: each decoder layer has its own norm."""
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
    torch.relu, torch.sigmoid, torch.tanh, "relu", "sigmoid", "tanh", kind="activation",
)  # fmt: skip
def activation(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """The same activation, then the skip connection: the encoder's own output of this node is added."""
    if step.has_left_layer_out:
        return [(x, step.signal)]
    return [(x, step.with_skip(step.repeat()))]


@rule(*NORM_ACTIVATIONS)
def norm_activation(step: Step, x: fx.Node) -> Signals:
    """A norm with a built-in activation: only the activation and the skip connection; nothing if it has none."""
    layer = step.module
    assert isinstance(layer, BatchNormAct2d | SyncBatchNormAct)
    if isinstance(layer.act, nn.Identity) or step.has_left_layer_out:
        return [(x, step.signal)]
    return [(x, step.with_skip(step.emit_module(f"{step.path}.act", step.signal)))]


@rule(*ACTIVATING_NORMS)
def activating_norm(step: Step, x: fx.Node) -> Signals:
    """A norm that cannot be separated from its activation: both and the skip connection; nothing if it has none."""
    return activation(step, x) if step.module.apply_act else norm(step, x)
