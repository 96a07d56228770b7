"""Transposes a traced encoder: encoder and decoder as one graph.

The method of "Feedbackward Decoding for Semantic Segmentation" (Wang et al.), Sections 3 and 4, for any graph.
"""

import operator
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.decoder_config import DecoderConfig
from feedbackward.nn import LowRank, create_norm, fuse, keep_both, upsample_like, with_coarser
from feedbackward.transform.chosen_layers import with_chosen_layers
from feedbackward.transform.decoder_graph import DecoderGraph
from feedbackward.transform.ends import choose_end, coarser_ends, ends_by_stride, narrow_ends
from feedbackward.transform.registry import refuse
from feedbackward.transform.rules import kind_of
from feedbackward.transform.shapes import ShapeInfo, infer_shapes
from feedbackward.transform.step import NormShape
from feedbackward.transform.walk import End, last_node, nodes_after, values_from_image, walk


def transpose(encoder: fx.GraphModule, config: DecoderConfig, *, in_channels: int = 3) -> DecoderGraph:
    """Append the decoder nodes to an encoder's graph.

    Args:
        encoder: Result of `trace`, or of `without_widening` where retrace is "stages", as in Feedbackward.
        config: The options of the decoder.
        in_channels: The number of image channels.

    Raises:
        UnsupportedOperationsError: If operations on the signal's path have no rule; the message lists them all.
        InputError: If the decoder cannot end where the options say; the message lists the available strides.
    """
    graph, forward = _copy(encoder)
    inferred = infer_shapes(encoder, channels=in_channels)
    config = with_chosen_layers(config, encoder, inferred, channels=in_channels)
    shapes = inferred.of_copies(forward)
    from_image = values_from_image(graph, shapes)
    _refuse_writes_in_place(encoder, forward, from_image)
    last = encoder.graph.output_node().args[0]
    assert isinstance(last, fx.Node)
    feature = forward[last]
    # A pool at the end of the encoder is the paper's U-turn; its rule emits the upsampling.
    u_turn = () if kind_of(last, encoder) == "pool" else _append_u_turn(graph, feature, shapes)
    walked = walk(graph, forward, encoder, feature, config=config, shapes=shapes, from_image=from_image)
    ends = _with_stage_skips(graph, walked.ends, shapes) if config.retrace == "stages" else walked.ends
    end = choose_end(ends, config, shapes)
    coarser = coarser_ends(ends, end, shapes) if config.head_strides == "all" else []
    channels = _append_output(graph, end, coarser, config, shapes)
    return DecoderGraph(
        graph=graph,
        decoder=_create_own_layers(walked.norms, graph, config),
        u_turn=u_turn,
        feature=feature,
        decoded=walked.decoded[: end.decoded],
        arrivals=tuple((each.node, each.signal) for each in ends[: ends.index(end) + 1]),
        end=end.node,
        channels=channels,
        stride=shapes.stride(end.node),
        strides=tuple(ends_by_stride(ends, shapes)),
        shapes=shapes,
        config=config,
    )


def _copy(encoder: fx.GraphModule) -> tuple[fx.Graph, dict[fx.Node, fx.Node]]:
    """The encoder's nodes in a new graph, with targets prefixed by `encoder.`, and the copy of each node."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in encoder.graph.nodes:
        if node.op == "output":
            break
        copies[node] = graph.node_copy(node, lambda value: copies[value])
        if node.op in ("call_module", "get_attr"):
            copies[node].target = f"encoder.{node.target}"
    return graph, copies


def _refuse_writes_in_place(encoder: fx.GraphModule, forward: dict[fx.Node, fx.Node], from_image: set[fx.Node]) -> None:
    """Refuse writes into values that depend on the image: no signal would reach the nodes that write."""
    written = {
        source: "written in place into a value that depends on the image"
        for source, node in forward.items()
        if node.target is operator.setitem and node.args[0] in from_image
    }
    if written:
        raise refuse(written, encoder)


def _append_u_turn(graph: fx.Graph, feature: fx.Node, shapes: ShapeInfo) -> tuple[fx.Node, ...]:
    """The U-turn of an encoder whose last operation is not a pool: max pooling followed by upsampling."""
    before = last_node(graph)
    channels_last = shapes.is_channels_last(feature)
    image = graph.call_function(torch.movedim, (feature, -1, 1)) if channels_last else feature
    # ceil_mode keeps a last row or column, and features of a single pixel.
    down = graph.call_function(F.max_pool2d, (image, 2), {"ceil_mode": True})
    signal = graph.call_function(upsample_like, (down, image))
    if channels_last:
        graph.call_function(torch.movedim, (signal, 1, -1))
    return nodes_after(before)


def _with_stage_skips(graph: fx.Graph, ends: Sequence[End], shapes: ShapeInfo) -> tuple[End, ...]:
    """Add one skip connection at each stride, where the signal is first narrow, and return the ends with it."""
    joined = list(ends)
    for end in narrow_ends(ends, shapes):
        index = ends.index(end)
        following = ends[index + 1]  # at the latest the image
        if "activated" in following.signal.meta and following.signal.all_input_nodes == [end.signal]:
            index += 1  # as in all layers, the activation comes first
        joined[index] = _with_skip(graph, ends[index], end.node)
    return tuple(joined)


def _with_skip(graph: fx.Graph, end: End, feature: fx.Node) -> End:
    with graph.inserting_after(end.signal):
        fused = graph.call_function(fuse, (end.signal, feature))
    end.signal.replace_all_uses_with(fused, delete_user_cb=lambda user: user is not fused)
    return replace(end, signal=fused, last=fused if end.last is end.signal else end.last)


def _append_output(
    graph: fx.Graph, end: End, coarser: list[End], config: DecoderConfig, shapes: ShapeInfo
) -> tuple[int, ...]:
    """End the graph at `end` with the classifier's input, and return the number of channels of each part."""
    for node in reversed(nodes_after(end.last)):
        graph.erase_node(node)
    signal, channels = end.signal, [int(shapes.reference[end.node][1])]
    if end.node.op == "placeholder":  # the image: the paper's one more ReLU
        signal = graph.call_function(torch.relu, (signal,))
    if config.head_input == "both":
        channels *= 2  # one for each part
        if signal.target is fuse:  # the signal and the feature that would have been added last
            signal.target = keep_both
        else:
            signal = graph.call_function(keep_both, (signal, end.node))
    if coarser:
        signal = graph.call_function(with_coarser, (signal, *map(_before_skip, coarser)))
        channels += [int(shapes.reference[each.node][1]) for each in coarser]
    graph.output(signal)
    graph.lint()
    return tuple(channels)


def _before_skip(end: End) -> fx.Node:
    """The signal that arrives, as the last norm returned it: before an activation and a skip connection."""
    signal = end.signal
    while signal.target is fuse or "activated" in signal.meta:
        signal = signal.all_input_nodes[0]
    return signal


def _create_own_layers(shapes: dict[str, NormShape], graph: fx.Graph, config: DecoderConfig) -> nn.Module:
    """The norms and low-rank updates that the graph calls, as a tree of modules named by the encoder's paths."""
    decoder = nn.Module()
    called = {str(node.target) for node in graph.find_nodes(op="call_module")}
    for path, shape in shapes.items():
        if f"decoder.{path}" not in called:
            continue
        parent = decoder
        *parents, name = path.split(".")
        for part in parents:
            if part not in parent._modules:
                parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        if shape.low_rank:
            update = LowRank(shape.channels, rank=config.rank, dims=shape.dims)
            parent.add_module(name.replace("norm", "low_rank"), update)
        parent.add_module(name, create_norm(config.norm, shape.channels, dims=shape.dims))
    return decoder
