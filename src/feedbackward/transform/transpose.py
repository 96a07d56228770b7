"""The walker: it goes through a traced encoder from the last node to the first and writes the way back behind it.

The method of "Feedbackward Decoding for Semantic Segmentation" (Wang et al.), Sections 3 and 4, on any graph. The
walker knows no operations and the rules know no graph; where a value is used several times, its signals are added here.
"""

import operator
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import reduce
from inspect import signature

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.errors import InputError
from feedbackward.nn import DecoderNorm, beside, create_norm, fuse, upsample_like
from feedbackward.transform.decoder_graph import DecodedNode, DecoderGraph
from feedbackward.transform.registry import (
    REGISTRY,
    NoRuleError,
    Signals,
    Target,
    UnsupportedOperationsError,
    refuse,
    target_of,
)
from feedbackward.transform.rules.resolution import turns_around
from feedbackward.transform.shapes import ShapeInfo, infer_shapes
from feedbackward.transform.step import HeadInput, NormShape, OutputFeature, Permute, Policy, Retrace, Step


@dataclass(frozen=True)
class _Stop:
    """A place where the way back may end: the whole signal passes through this value, and here the graph was then.

    Layers are those that had been walked back by then.
    """

    node: fx.Node
    signal: fx.Node
    last: fx.Node
    passed: int
    layers: int


def transpose(
    encoder: fx.GraphModule,
    *,
    in_channels: int = 3,
    permute: Permute = "necessary",
    retrace: Retrace = "all",
    output_stride: int | None = None,
    output_feature: OutputFeature = "last",
    head_input: HeadInput = "sum",
    norm: DecoderNorm = "batch",
) -> DecoderGraph:
    """Write the way back behind the encoder's pass.

    Args:
        encoder: What trace() returns.
        in_channels: The channels of the image.
        permute: Where a weight's channel axes are swapped: "necessary" (PWN) or "possible" (PWP).
        retrace: Which layers are walked back: "all", or the "transitions" of resolution or channels.
        output_stride: Where to end. None: at the image, behind one more ReLU (the paper). 1, 2, 4, ...: at a feature of
            that stride through which the whole signal passes. Where the first layer is strided already, the only
            feature of stride 1 is the image.
        output_feature: Which one. "last": the nearest to the image. "first": where the encoder's feature of that stride
            first joins the signal, its deepest; where none does, the first that the signal passes.
        head_input: What the classifier reads there: the "sum" of the signal and the encoder's feature (the paper), or
            "both" side by side. The image has no feature: it is the signal alone, or beside the image itself.
        norm: The norm behind each layer of the way back.

    Raises:
        UnsupportedOperationsError: If operations on the signal's path have no rule; it lists them all.
        InputError: If the encoder has no feature of that output stride; it lists the strides that there are. If the
            first feature is asked for at a stride where no layer has been walked back before it.
    """
    graph, forward = _copy(encoder)
    shapes = _of_copies(infer_shapes(encoder, channels=in_channels), forward)
    last = next(node for node in reversed(encoder.graph.nodes) if node.op == "output").args[0]
    feature = forward[last]
    turn = () if turns_around(target_of(last, encoder)) else _turn_around(graph, feature, shapes)

    policy, norms, from_image = Policy(permute, retrace), dict[str, NormShape](), _from_image(graph, shapes)
    unsupported = {
        source: "written in place into a value that depends on the image"
        for source, node in forward.items()
        if node.target is operator.setitem and node.args[0] in from_image
    }
    signals = defaultdict[fx.Node, _Arrived](_Arrived)
    signals[feature].add(None, _last(graph))
    passed: list[DecodedNode] = []
    stops = defaultdict[int, list[_Stop]](list)
    here: _Stop | None = None

    for source, node in reversed(forward.items()):
        if node not in signals:
            continue
        mark = _last(graph)
        arrived = signals.pop(node).summed(graph)
        if not signals and shapes.is_image(node):
            here = _Stop(node, arrived[None], _last(graph), len(passed), len(norms))
            if node.op == "placeholder":
                break
            stops[shapes.stride(node)].append(here)
        step = Step(graph, node, encoder, arrived, policy, shapes, from_image, norms)
        try:
            received = _apply(target_of(source, encoder), step)
        except NoRuleError as error:
            unsupported[source] = str(error)
            received = [(value, _last(graph)) for value in step.tensors(*node.all_input_nodes)]
        for target, signal in received:
            value, index = target if isinstance(target, tuple) else (target, None)
            if value in from_image:
                signals[value].add(index, signal)
        passed.append(DecodedNode(node, _since(mark)))
    if unsupported:
        raise refuse(unsupported, encoder)
    if here is None or here.node.op != "placeholder":
        raise UnsupportedOperationsError(
            f"the signal does not come back to the image: the last node that it reached is {passed[-1].node}; "
            f"choose another encoder",
            reasons=("the signal does not come back to the image",),
        )

    stop = _choose(here, stops, output_stride, output_feature)
    for node in reversed(_since(stop.last)):
        graph.erase_node(node)
    end = stop.signal if stop is not here else graph.call_function(torch.relu, (stop.signal,))
    channels = shapes.reference[stop.node][1]
    if head_input == "both":
        end, channels = _beside(graph, end, stop.node), 2 * channels
    graph.output(end)
    graph.lint()
    return DecoderGraph(
        graph=graph,
        decoder=_norms(norms, graph, norm),
        turn=turn,
        feature=feature,
        passed=tuple(passed[: stop.passed]),
        stop=stop.node,
        channels=channels,
        stride=shapes.stride(stop.node),
        strides=tuple(sorted({1, *stops})),
        shapes=shapes,
    )


class _Arrived:
    """The signals that have come back to a value, or to each of the tensors that it holds."""

    def __init__(self) -> None:
        self._found: dict[int | None, list[fx.Node]] = {}

    def add(self, index: int | None, signal: fx.Node) -> None:
        self._found.setdefault(index, []).append(signal)

    def summed(self, graph: fx.Graph) -> dict[int | None, fx.Node]:
        """Where one value was used several times, here its signals are added."""
        return {
            index: reduce(lambda a, b: graph.call_function(operator.add, (a, b)), signals)
            for index, signals in self._found.items()
        }


def _apply(target: Target, step: Step) -> Signals:
    """What the operation's rule returns for its node; a call that the rule's signature does not take has no rule."""
    if target not in REGISTRY:
        raise NoRuleError
    rule = REGISTRY[target]
    try:
        call = signature(rule).bind(step, *step.node.args, **step.node.kwargs)
    except TypeError as error:
        raise NoRuleError(str(error)) from error
    return rule(*call.args, **call.kwargs)


def _copy(encoder: fx.GraphModule) -> tuple[fx.Graph, dict[fx.Node, fx.Node]]:
    """The encoder's pass in a graph of its own, its targets below `encoder`, and which node became which."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in encoder.graph.nodes:
        if node.op == "output":
            break
        copies[node] = graph.node_copy(node, lambda value: copies[value])
        if node.op in ("call_module", "get_attr"):
            copies[node].target = f"encoder.{node.target}"
    return graph, copies


def _of_copies(shapes: ShapeInfo, forward: dict[fx.Node, fx.Node]) -> ShapeInfo:
    reference, other = (
        {forward[node]: shape for node, shape in found.items()} for found in (shapes.reference, shapes.other)
    )
    return replace(shapes, reference=reference, other=other)


def _from_image(graph: fx.Graph, shapes: ShapeInfo) -> set[fx.Node]:
    """The values that depend on the image itself, not on its size alone."""
    found = set[fx.Node]()
    for node in graph.nodes:
        if node in shapes.reference and (node.op == "placeholder" or found.intersection(node.all_input_nodes)):
            found.add(node)
    return found


def _turn_around(graph: fx.Graph, feature: fx.Node, shapes: ShapeInfo) -> tuple[fx.Node, ...]:
    """The U-turn of an encoder whose last operation is none: a downsampling followed by an upsampling."""
    mark = _last(graph)
    aside = shapes.is_channels_last(feature)
    image = graph.call_function(torch.movedim, (feature, -1, 1)) if aside else feature
    # ceil_mode keeps a last row or column, and features of a single pixel.
    down = graph.call_function(F.max_pool2d, (image, 2), {"ceil_mode": True})
    signal = graph.call_function(upsample_like, (down, image))
    if aside:
        graph.call_function(torch.movedim, (signal, 1, -1))
    return _since(mark)


def _choose(
    image: _Stop, stops: dict[int, list[_Stop]], output_stride: int | None, output_feature: OutputFeature
) -> _Stop:
    if output_stride is None:
        return image
    available = {1: [image], **stops}
    if output_stride not in available:
        raise InputError(
            f"output_stride={output_stride}: this encoder has no feature of that stride through which the whole signal "
            f"passes; choose one of {sorted(available)}, or None to go back to the image"
        )
    of_stride = available[output_stride]
    if output_feature == "last":
        return of_stride[-1]
    first = next((stop for stop in of_stride if stop.signal.target is fuse), of_stride[0])
    if not first.layers:
        smaller = [stride for stride in sorted(available) if stride < output_stride]
        raise InputError(
            f"output_stride={output_stride} with output_feature='first': no layer of this encoder is walked back "
            f"before the first feature of that stride; choose output_feature='last', or a smaller stride of {smaller}"
        )
    return first


def _beside(graph: fx.Graph, signal: fx.Node, feature: fx.Node) -> fx.Node:
    """The signal and the encoder's feature, which are not added where they would have been last."""
    if signal.target is fuse:
        signal.target = beside
        return signal
    return graph.call_function(beside, (signal, feature))


def _norms(shapes: dict[str, NormShape], graph: fx.Graph, kind: DecoderNorm) -> nn.Module:
    """The tree of norms that the graph calls, each at its path in the encoder."""
    decoder = nn.Module()
    for node in graph.nodes:
        path = str(node.target).removeprefix("decoder.")
        if node.op == "call_module" and path != node.target:
            parent = decoder
            for name in path.split(".")[:-1]:
                if name not in parent._modules:
                    parent.add_module(name, nn.Module())
                parent = parent.get_submodule(name)
            parent.add_module(path.rpartition(".")[2], create_norm(kind, shapes[path].channels, dims=shapes[path].dims))
    return decoder


def _last(graph: fx.Graph) -> fx.Node:
    node: fx.Node = next(iter(reversed(graph.nodes)))
    return node


def _since(mark: fx.Node) -> tuple[fx.Node, ...]:
    """The nodes behind the marked one."""
    nodes, node = list[fx.Node](), mark.next
    while node.op != "root":
        nodes.append(node)
        node = node.next
    return tuple(nodes)
