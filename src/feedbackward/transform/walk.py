"""The walker: it visits a traced encoder from its last node to its first and appends what each node's rule emits.

The walker knows no operations, and the rules know no graph. Where a value is used several times, its signals are added
here: the one place where this happens. "Feedbackward Decoding for Semantic Segmentation" (Wang et al.), Sections 3 and
4.
"""

import operator
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from inspect import signature

from torch import fx

from feedbackward.decoder_config import DecoderConfig
from feedbackward.transform.decoder_graph import DecodedNode
from feedbackward.transform.registry import (
    NoRuleError,
    Signals,
    Target,
    UnsupportedOperationsError,
    refuse,
    target_of,
)
from feedbackward.transform.rules import REGISTRY
from feedbackward.transform.shapes import ShapeInfo
from feedbackward.transform.step import NormShape, Step


@dataclass(frozen=True)
class End:
    """A place where the decoder can end: one value, laid out as an image, through which the whole signal passes.

    Args:
        node: That encoder value.
        signal: The signal that arrives there.
        last: The last node of the graph when it arrived.
        decoded: The number of nodes visited before.
        layers: The number of decoder layers emitted before.
    """

    node: fx.Node
    signal: fx.Node
    last: fx.Node
    decoded: int
    layers: int


@dataclass(frozen=True)
class Walk:
    """Result of `walk`.

    Args:
        decoded: The visited nodes in order, with what their rules emitted.
        ends: The places where the decoder can end, in order; the last one is the image.
        norms: The signal shape of each decoder norm, by its path in the encoder.
    """

    decoded: tuple[DecodedNode, ...]
    ends: tuple[End, ...]
    norms: dict[str, NormShape]


def walk(
    graph: fx.Graph,
    forward: Mapping[fx.Node, fx.Node],
    encoder: fx.GraphModule,
    start: fx.Node,
    *,
    config: DecoderConfig,
    shapes: ShapeInfo,
    from_image: set[fx.Node],
) -> Walk:
    """Append the decoder nodes of a whole encoder.

    Args:
        graph: Contains the encoder's nodes and the U-turn; the decoder nodes are appended.
        forward: Maps the nodes of the encoder to their copies in the graph.
        encoder: The traced encoder.
        start: The copy of the encoder's last value; its signal is the last node of the graph.
        config: The options that rules read.
        shapes: The shapes of the copies.
        from_image: The copies that depend on the image; see values_from_image.

    Raises:
        UnsupportedOperationsError: If operations on the signal's path have no rule (the message lists them all), or the
            signal does not reach the image.
    """
    norms = dict[str, NormShape]()
    signals = defaultdict[fx.Node, _Arrived](_Arrived)
    signals[start].add(None, last_node(graph))
    decoded, ends, unsupported = list[DecodedNode](), list[End](), dict[fx.Node, str]()

    for source, node in reversed(list(forward.items())):
        if node not in signals:
            continue
        before = last_node(graph)
        arrived = signals.pop(node).summed(graph)
        if not signals and shapes.is_image(node):
            ends.append(End(node, arrived[None], last_node(graph), len(decoded), len(norms)))
        if node.op == "placeholder":
            break
        step = Step(graph, node, encoder, arrived, config, shapes, from_image, norms)
        try:
            received = _apply(target_of(source, encoder), step)
        except NoRuleError as error:
            unsupported[source] = str(error)
            received = [(value, last_node(graph)) for value in step.tensors(*node.all_input_nodes)]
        for value, signal in received:
            tensor, index = value if isinstance(value, tuple) else (value, None)
            if tensor in from_image:
                signals[tensor].add(index, signal)
        decoded.append(DecodedNode(node, nodes_after(before)))

    if unsupported:
        raise refuse(unsupported, encoder)
    if not ends or ends[-1].node.op != "placeholder":
        raise UnsupportedOperationsError(
            f"the signal does not reach the image: it ends at {decoded[-1].node}; choose another encoder",
            reasons=("the signal does not reach the image",),
        )
    return Walk(tuple(decoded), tuple(ends), norms)


class _Arrived:
    """The signals that have arrived at a value, or at each tensor that it contains."""

    def __init__(self) -> None:
        self._found: dict[int | None, list[fx.Node]] = {}

    def add(self, index: int | None, signal: fx.Node) -> None:
        self._found.setdefault(index, []).append(signal)

    def summed(self, graph: fx.Graph) -> dict[int | None, fx.Node]:
        """One signal per tensor: those of a value that is used several times are added."""
        return {
            index: reduce(lambda a, b: graph.call_function(operator.add, (a, b)), signals)
            for index, signals in self._found.items()
        }


def _apply(target: Target, step: Step) -> Signals:
    """Call the rule of a node's operation; a call that does not fit the rule's signature has no rule."""
    if target not in REGISTRY:
        raise NoRuleError
    rule = REGISTRY[target]
    try:
        call = signature(rule).bind(step, *step.node.args, **step.node.kwargs)
    except TypeError as error:
        raise NoRuleError(str(error)) from error
    return rule(*call.args, **call.kwargs)


def values_from_image(graph: fx.Graph, shapes: ShapeInfo) -> set[fx.Node]:
    """The values that depend on the image itself, not only on its size."""
    found = set[fx.Node]()
    for node in graph.nodes:
        if node in shapes.reference and (node.op == "placeholder" or found.intersection(node.all_input_nodes)):
            found.add(node)
    return found


def last_node(graph: fx.Graph) -> fx.Node:
    """The node that was appended last."""
    node: fx.Node = next(iter(reversed(graph.nodes)))
    return node


def nodes_after(node: fx.Node) -> tuple[fx.Node, ...]:
    """The nodes of a graph after one of its nodes."""
    nodes, node = list[fx.Node](), node.next
    while node.op != "root":
        nodes.append(node)
        node = node.next
    return tuple(nodes)
