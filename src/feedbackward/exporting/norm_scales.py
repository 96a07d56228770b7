"""Batch norms in an 8-bit graph: the scales of the weights, so that a weight with several norms is stored once.

A norm after a convolution multiplies each output channel by a gain. Folded into the weight, it gives each use of a
shared weight a copy of its own. An 8-bit weight has scales, though: one 8-bit copy is enough where each use multiplies
its scales by its own gains.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.exporting.onnx_graph import OnnxGraph

Floats = NDArray[np.float32]
LAYOUT = ("Reshape", "Transpose")
"""The operations that swap the channel axes of a weight."""
LARGEST = 63
"""Of 7 bits: with 8, onnxruntime's sums overflow on processors without VNNI instructions."""
MOST_OF_BIAS = 2**30
"""The largest integer for a bias of 32 bits: half of what fits, which leaves the rest to the sum."""
SMALLEST = 1e-20
"""The smallest scale, of a channel whose gain is 0."""


@dataclass(frozen=True)
class SharedUse:
    """One use of a weight that several convolutions share.

    Args:
        weight: Name of the shared weight.
        values: Its values.
        layout: The nodes that swap its channel axes for this use, if any.
        constants: The constants of these nodes.
        gain: The factor of each output channel, from the norm after the convolution.
    """

    weight: str
    values: Floats
    layout: tuple[Any, ...]
    constants: dict[str, NDArray[Any]]
    gain: Floats


def fold_norms(graph: OnnxGraph) -> dict[str, SharedUse]:
    """Fold each batch norm into the convolution before it; after a sum of convolutions, it becomes a depthwise one.

    Returns:
        The uses of shared weights, by the name of the convolution. `share_weights` gives them one weight again.
    """
    gains = _fold(graph)
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    sources = {node.name: _source(graph, node.input[1]) for node in convolutions}
    count = Counter(weight for weight, _ in sources.values())
    uses = {}
    for node in convolutions:
        weight, layout = sources[node.name]
        # A weight with a low-rank update is computed from constants.
        values, used = graph.computed(weight), graph.computed(node.input[1])
        if values is None or used is None:
            continue
        gain = gains.get(node.name, np.ones(len(used), np.float32))
        if count[weight] > 1:
            constants = {name: graph.constants[name] for each in layout for name in each.input[1:]}
            uses[node.name] = SharedUse(weight, values, layout, constants, gain)
        node.input[1] = f"{node.name}.weight"
        graph.constants[node.input[1]] = used * gain.reshape(-1, 1, 1, 1)
    return uses


def _fold(graph: OnnxGraph) -> dict[str, Floats]:
    """Move the shift of each norm into the bias of its convolution; return the gains by the convolution's name."""
    from onnx.helper import get_node_attr_value, make_node

    gains, producers = dict[str, Floats](), graph.producers()
    for norm in [node for node in graph.nodes if node.op_type == "BatchNormalization"]:
        before = producers.get(norm.input[0])
        if before is None or not _is_convolved(before, producers):  # such as the standardization of a weight
            continue
        scale, shift, mean, variance = (graph.constants[name] for name in norm.input[1:5])
        gain = scale / np.sqrt(variance + get_node_attr_value(norm, "epsilon"))
        bias = shift - mean * gain
        if before.op_type != "Conv" or len(graph.readers(before.output[0])) > 1:
            weight = f"{norm.name}.weight"
            graph.constants[weight] = gain.reshape(-1, 1, 1, 1)
            inputs = [norm.input[0], weight, f"{norm.name}.bias"]
            conv: Any = make_node("Conv", inputs, norm.output, norm.name, group=len(gain))
            graph.replace(norm, [conv])
        else:
            conv = before
            gains[conv.name] = gain * gains[conv.name] if conv.name in gains else gain
            if len(conv.input) > 2:
                bias += gain * graph.constants[conv.input[2]]
            conv.input[2:] = [f"{norm.name}.bias"]
            conv.output[0] = norm.output[0]
            graph.replace(norm)
        producers[norm.output[0]] = conv
        graph.constants[f"{norm.name}.bias"] = bias
    return gains


def _is_convolved(node: Any, producers: dict[str, Any]) -> bool:
    """Whether a node is a convolution or a sum of some, so that its values have two spatial axes."""
    if node.op_type == "Add":
        return any(_is_convolved(producers[name], producers) for name in node.input if name in producers)
    return bool(node.op_type == "Conv")


def _source(graph: OnnxGraph, name: str) -> tuple[str, tuple[Any, ...]]:
    """The weight that a convolution reads, and the nodes that change its layout."""
    producers, layout = graph.producers(), list[Any]()
    while (node := producers.get(name)) and node.op_type in LAYOUT and graph.constants.keys() >= set(node.input[1:]):
        layout.insert(0, node)
        name = node.input[0]
    return name, tuple(layout)


def share_weights(graph: OnnxGraph, uses: dict[str, SharedUse]) -> None:
    """Let the convolutions of a quantized graph share their 8-bit weights, with the gains of their norms in the scales.

    A weight whose axes no use swaps has a scale for each channel, others have a single one.
    """
    from onnx import NodeProto

    producers, of_weight = graph.producers(), defaultdict[str, list[tuple[Any, SharedUse]]](list)
    for node in graph.nodes:
        if node.name in uses and node.input[1] in producers:  # the weights of others are still float
            of_weight[uses[node.name].weight].append((node, uses[node.name]))
    layouts = []
    for weight, found in of_weight.items():
        values = found[0][1].values
        swapped = any(use.layout for _, use in found)
        scale = np.abs(values).max(axis=None if swapped else (1, 2, 3), keepdims=True) / LARGEST
        scale = np.maximum(scale, SMALLEST)
        shared = f"{weight}.int8"
        graph.constants[shared] = np.rint(values / scale).astype(np.int8)
        for node, use in found:
            graph.constants |= use.constants
            name = shared
            for each in use.layout:
                layout = NodeProto()
                layout.CopyFrom(each)
                layout.name, layout.output[0] = f"{node.name}.{each.name}", f"{node.name}.{each.output[0]}"
                layout.input[0], name = name, layout.output[0]
                layouts.append(layout)
            _rescale(graph, node, producers, use.gain * scale.ravel(), name)
    graph.nodes[:0] = layouts


def _rescale(graph: OnnxGraph, node: Any, producers: dict[str, Any], scale: Floats, weight: str) -> None:
    """Give a quantized convolution another 8-bit weight with a scale for each output channel."""
    image, weights, *biases = (producers[name] for name in node.input)
    step = graph.constants[image.input[1]]
    for bias in biases:
        values = graph.constants[bias.input[0]] * graph.constants[bias.input[1]]
        # A channel of almost no gain gets a larger scale by this, and stays far below its bias.
        least = np.maximum(np.abs(values) / step / MOST_OF_BIAS, SMALLEST)
        scale = np.where(np.abs(scale) < least, np.copysign(least, scale), scale)
        graph.constants[bias.input[0]] = np.rint(values / (step * scale)).astype(np.int32)
        graph.constants[bias.input[1]] = (step * scale).astype(np.float32)
    weights.input[0] = weight
    graph.constants[weights.input[1]] = scale.astype(np.float32)
