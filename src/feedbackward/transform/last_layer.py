"""Ending an encoder before a last layer that only widens its features for a classifier of whole images."""

from itertools import takewhile

from torch import fx, nn

from feedbackward.transform.head import end_at
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules import kind_of
from feedbackward.transform.rules.pointwise import ACTIVATING_NORMS, NORM_ACTIVATIONS


def without_widening(traced: fx.GraphModule) -> fx.GraphModule:
    """End a traced encoder before its last layer, if that is a 1x1 convolution to more channels and not the only one.

    Encoders for mobile devices have one: it takes MobileNetV2 from 320 channels to the 1,280 that its classifier of
    whole images reads.

    Args:
        traced: Result of `trace`.

    Returns:
        The encoder without that layer and the norm and activation after it, or else the encoder itself.
    """
    feature = _before_widening(traced)
    return traced if feature is None else end_at(traced, feature)


def _before_widening(traced: fx.GraphModule) -> fx.Node | None:
    (node,) = traced.graph.output_node().all_input_nodes
    while _keeps_channels(node, traced) and len(node.all_input_nodes) == 1:
        (node,) = node.all_input_nodes
    layer = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
    if not isinstance(layer, nn.Conv2d) or {*layer.kernel_size, *layer.stride, layer.groups} != {1}:
        return None
    earlier = takewhile(lambda other: other is not node, traced.graph.nodes)
    widens = layer.out_channels > layer.in_channels and any(kind_of(other, traced) == "layer" for other in earlier)
    return node.all_input_nodes[0] if widens else None


def _keeps_channels(node: fx.Node, traced: fx.GraphModule) -> bool:
    kinds, norms = ("norm", "activation", "identity"), (*NORM_ACTIVATIONS, *ACTIVATING_NORMS)
    return kind_of(node, traced) in kinds or target_of(node, traced) in norms
