"""Operations that change the resolution: pools, upsampling and padding."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from timm.layers import AvgPool2dSame, BlurPool2d
from timm.layers.padding import pad_same
from timm.layers.pool2d_same import MaxPool2dSame
from torch import fx, nn

from feedbackward.nn import downsample_like
from feedbackward.transform.registry import Signals, Target, rule
from feedbackward.transform.step import Step

PADS: set[Target] = {F.pad, pad_same, nn.ZeroPad2d, nn.ConstantPad2d}


def unpadded(step: Step, x: fx.Node) -> fx.Node:
    """A layer's input before it was padded for that layer."""
    if step.keeps_size(x):
        return x
    while step.target_of(x) in PADS:
        (source, *_) = x.all_input_nodes
        if step.shape(source)[:2] != step.shape(x)[:2]:  # channels were added
            return x
        x = source
    return x


@rule(nn.MaxPool2d, MaxPool2dSame, AvgPool2dSame, BlurPool2d, F.max_pool2d, kind="pool")
def pool(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Nearest upsampling to the size of the pool's input."""
    x = unpadded(step, x)
    return [(x, step.upsampled_like(x))]


@rule(nn.AvgPool1d, nn.AvgPool2d, F.avg_pool2d, kind="pool")
def average_pool(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """Like a pool; with unit stride it is a fixed filter, which is applied again."""
    return [(x, step.repeat())] if step.keeps_size(x) else pool(step, x)


@rule(nn.Upsample, F.interpolate)
def upsampling(step: Step, x: fx.Node, *_: Any, **__: Any) -> Signals:
    """The mean of the pixels to which each input pixel was upsampled."""
    return [(x, step.emit(downsample_like, step.signal, x))]


@rule(F.pad)
def pad(step: Step, x: fx.Node, sizes: Sequence[Any], *_: Any, **__: Any) -> Signals:
    """Cropping, unless a layer has already undone the padding."""
    return [(x, step.emit(F.pad, step.signal, list(map(step.negated, sizes))))]


@rule(nn.ZeroPad2d, nn.ConstantPad2d)
def pad_module(step: Step, x: fx.Node) -> Signals:
    """Like functional padding."""
    layer = step.module
    assert isinstance(layer, (nn.ZeroPad2d, nn.ConstantPad2d))
    return pad(step, x, layer.padding)
