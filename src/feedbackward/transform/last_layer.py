"""Ending an encoder before a last layer that only widens its features, usually for a classifier of whole images."""

from torch import fx, nn

from feedbackward.transform.head import end_at
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules import kind_of
from feedbackward.transform.rules.pointwise import ACTIVATING_NORMS, NORM_ACTIVATIONS


def without_widening(traced: fx.GraphModule) -> fx.GraphModule:
    """End a traced encoder before its last layer if that is a 1x1 convolution to more channels.

    Encoders for mobile devices have one: it takes MobileNetV2 from 320 channels to the 1,280 that its classifier of
    whole images reads. An encoder's only layer is kept, and so is the second half of a separable convolution.

    Args:
        traced: Result of `trace`; its graph is changed, so use only what is returned.

    Returns:
        The encoder without that layer and without the norm and the activation after it; or the given encoder, if there
        is no such layer.
    """
    feature = _before_widening(traced)
    return traced if feature is None else end_at(traced, feature)


def _before_widening(traced: fx.GraphModule) -> fx.Node | None:
    last = traced.graph.output_node().args[0]
    if not isinstance(last, fx.Node):  # several tensors, which infer_shapes refuses
        return None
    node = _before_norms(last, traced)
    layer = _convolution(node, traced)
    if layer is None or {*layer.kernel_size, *layer.stride, layer.groups} != {1}:
        return None
    feature = node.all_input_nodes[0]
    before = _convolution(_before_norms(feature, traced), traced)
    is_separable = before is not None and before.groups > 1
    has_others = any(kind_of(other, traced) == "layer" for other in traced.graph.nodes if other < node)
    widens = layer.out_channels > layer.in_channels
    return feature if widens and has_others and not is_separable else None


def _before_norms(node: fx.Node, traced: fx.GraphModule) -> fx.Node:
    """The value before the norms and activations that return this one."""
    kinds, norms = ("norm", "activation", "identity"), (*NORM_ACTIVATIONS, *ACTIVATING_NORMS)
    while len(node.all_input_nodes) == 1 and (kind_of(node, traced) in kinds or target_of(node, traced) in norms):
        (node,) = node.all_input_nodes
    return node


def _convolution(node: fx.Node, traced: fx.GraphModule) -> nn.Conv2d | None:
    module = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
    return module if isinstance(module, nn.Conv2d) else None
