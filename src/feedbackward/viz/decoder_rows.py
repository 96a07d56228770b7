"""Explains the decoder: what it does at each node of an encoder, and the shapes there, as plain rows.

The words are derived from the nodes that the rules emitted, so a new rule needs no line here.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import groupby
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.nn import LowRank, fuse, keep_both, permute_weight, same_conv2d, upsample_like, with_coarser
from feedbackward.transform.decoder_graph import DecoderGraph
from feedbackward.transform.registry import describe, target_of
from feedbackward.transform.rules import REGISTRY, kind_of
from feedbackward.transform.shapes import MetaCopy, Shapes
from feedbackward.transform.step import path_of

SWAPPED, KEPT, BYPASSED = "axes swapped", "axes kept", "bypassed"

WORDS: dict[Any, str] = {
    upsample_like: "upsample",
    same_conv2d: "conv",
    fuse: "+ skip",
    keep_both: "with skip",
    with_coarser: "with coarser signals",
    LowRank: "low-rank update",
    torch.narrow: "slice",
    F.linear: "linear",
    torch.relu: "ReLU",
    F.max_pool2d: "max pool",
    operator.mul: "× gate",
    operator.neg: "negate",
    operator.add: "sum of signals",
}
"""Words for emitted operations and layers; all others are shown by their own names."""

Shape = tuple[int, ...]
"""Shape for one image: (channels, height, width), or in the layout of the encoder."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One node of the encoder and what the decoder does there; or the U-turn between the two passes.

    Args:
        part: "turn" for the U-turn, "node" for a node of the encoder, "end" for the node at which the decoder ends,
            "beyond" for the nodes between that one and the image.
        name: Name of the node in the graph.
        path: Path of its module in the encoder, or of the module that calls it.
        operation: The encoder's operation, with a convolution's kernel, stride (/2) and groups (g32).
        shape: Shape of the encoder's value; of the first tensor if it has several.
        channels: Its channels.
        size: Its height and width; None if it is not laid out as an image.
        inputs: Names of the nodes that it reads.
        weighted: Whether it has a weight to share.
        actions: The actions of the decoder there, in words and in order.
        weight: How the decoder uses the weight, "axes kept" or "axes swapped"; None if it does not use one.
        skip: Whether a skip connection joins the signal there.
        gate: Whether the signal is multiplied by the encoder's gate there.
        signals: Shapes of the signals that leave the node: none if no signal arrives, several after a concatenation.
    """

    part: Literal["turn", "node", "end", "beyond"]
    name: str
    path: str
    operation: str
    shape: Shape
    channels: int
    size: tuple[int, int] | None
    inputs: tuple[str, ...] = ()
    weighted: bool = False
    actions: tuple[str, ...] = ()
    weight: str | None = None
    skip: bool = False
    gate: bool = False
    signals: tuple[Shape, ...] = ()


def decoder_rows(
    encoder: fx.GraphModule, decoder_graph: DecoderGraph, *, size: tuple[int, int], in_channels: int
) -> list[Row]:
    """The rows of both passes in the order of the decoder, from the U-turn to the image.

    Args:
        encoder: The traced encoder.
        decoder_graph: The result of `transpose` for it.
        size: Height and width of the image; shapes are inferred on the meta device.
        in_channels: Number of channels of the image.
    """
    root = nn.Module()
    root.encoder, root.decoder = encoder, decoder_graph.decoder
    root.train(encoder.training)
    both = fx.GraphModule(root, decoder_graph.graph)
    return _Rows(both, decoder_graph, MetaCopy(both, decoder_graph.graph).shapes(size, channels=in_channels)).all()


class _Rows:
    def __init__(self, both: fx.GraphModule, decoder_graph: DecoderGraph, found: Shapes) -> None:
        self.both = both
        self.found = found
        self.u_turn = decoder_graph.u_turn
        self.end = decoder_graph.end
        self.shapes = decoder_graph.shapes
        self.emitted = {decoded.node: decoded.emitted for decoded in decoder_graph.decoded}
        nodes = list(decoder_graph.graph.nodes)
        last = nodes.index(decoder_graph.feature) + 1
        # Values that do not depend on the image, such as a standardized weight, get no signal and no row.
        self.forward = dict[fx.Node, None]()
        for node in nodes[:last]:
            if node in found and (node.op == "placeholder" or self._inputs(node)):
                self.forward[node] = None
        claimed = {*self.u_turn, *(node for emitted in self.emitted.values() for node in emitted)}
        self.emitted[self.end] = tuple(node for node in nodes[last:-1] if node not in claimed)

    def all(self) -> list[Row]:
        forward = list(self.forward)
        end = forward.index(self.end)
        rows = [self._row(node, beyond=i < end) for i, node in enumerate(forward)]
        return [self._turn(forward[-1]), *reversed(rows)]

    def _turn(self, feature: fx.Node) -> Row:
        shape = self._shape(feature)
        return Row(
            part="turn",
            name="turn",
            path="U-turn",
            operation="",
            shape=shape,
            channels=self._channels(feature),
            size=self._size(feature),
            inputs=(feature.name,),
            actions=tuple(map(self._word, self.u_turn)) or ("the encoder's last pool",),
            signals=(shape,),
        )

    def _row(self, node: fx.Node, *, beyond: bool) -> Row:
        emitted = self.emitted.get(node, ())
        through = [step for step in emitted if step in _signal(emitted)]
        targets = {step.target for step in through}
        uses = [_use_of_weight(step) for step in through if _use_of_weight(step)]
        return Row(
            part="end" if node is self.end else "beyond" if beyond else "node",
            name=node.name,
            path=_path(node),
            operation=self._operation(node),
            shape=self._shape(node),
            channels=self._channels(node),
            size=self._size(node),
            inputs=tuple(value.name for value in self._inputs(node)),
            weighted=self._is_weighted(node),
            actions=() if beyond else self._actions(node),
            weight=uses[0] if uses else None,
            skip=not targets.isdisjoint((fuse, keep_both)),
            gate=operator.mul in targets,
            signals=tuple(map(self._shape, _ends(emitted) or [node])) if node in self.emitted else (),
        )

    def _actions(self, node: fx.Node) -> tuple[str, ...]:
        if node not in self.emitted:
            return (BYPASSED,)
        emitted = self.emitted[node]
        words = [self._phrase(step) for step in emitted if step in _signal(emitted)]
        if words or node is self.end:
            return tuple(word for word, _ in groupby(words))  # the slices of a concatenation are one word
        reached = [value in self.emitted for value in self._inputs(node)]
        if len(reached) > 1:
            return ("to each branch" if all(reached) else "to the shortcut only",)
        return (BYPASSED if kind_of(node, self.both) in ("layer", "activation") else "nothing",)

    def _phrase(self, step: fx.Node) -> str:
        use = _use_of_weight(step)
        return f"{self._word(step)} ({use})" if use else self._word(step)

    def _word(self, step: fx.Node) -> str:
        if step.op == "call_module":
            own = WORDS.get(target_of(step, self.both), "norm")
            return own if str(step.target).startswith("decoder.") else self._operation(step)
        return WORDS[step.target] if step.target in WORDS else self._operation(step)

    def _operation(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            return "image"
        name = describe(target_of(node, self.both)).rpartition(".")[2]
        layer = self.both.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, nn.Conv2d):
            kernel, strides, groups = layer.kernel_size, layer.stride, layer.groups
        elif node.target is torch.conv2d:
            call = signature(REGISTRY[torch.conv2d]).bind(None, *node.args, **node.kwargs)
            call.apply_defaults()
            kernel, groups = self.found[call.arguments["weight"]][2:], call.arguments["groups"]
            strides = call.arguments["stride"]
            strides = strides if isinstance(strides, tuple) else (strides,)
        else:
            return name
        stride = f" /{max(strides)}" if max(strides) > 1 else ""
        return f"{name} {'×'.join(map(str, kernel))}{stride}{f' g{groups}' if groups > 1 else ''}"

    def _is_weighted(self, node: fx.Node) -> bool:
        return kind_of(node, self.both) == "layer"

    def _inputs(self, node: fx.Node) -> list[fx.Node]:
        return [value for value in node.all_input_nodes if value in self.forward]

    def _shape(self, node: fx.Node) -> Shape:
        found = self.found[node]
        while not isinstance(found, torch.Size):
            found = found[0]
        return tuple(found[1:])

    def _channels(self, node: fx.Node) -> int:
        return self._shape(node)[0 if self.shapes.is_image(node) else -1]

    def _size(self, node: fx.Node) -> tuple[int, int] | None:
        shape = self._shape(node)
        if self.shapes.is_image(node):
            return shape[1], shape[2]
        return (shape[0], shape[1]) if self.shapes.is_channels_last(node) else None


def _use_of_weight(step: fx.Node) -> str | None:
    """How an emitted node uses the weight; None if it applies none."""
    if step.target not in (same_conv2d, F.linear):
        return None
    weight = step.args[1]
    assert isinstance(weight, fx.Node)
    return SWAPPED if weight.target is permute_weight else KEPT


def _path(node: fx.Node) -> str:
    return "image" if node.op == "placeholder" else path_of(node)


def _ends(emitted: Sequence[fx.Node]) -> list[fx.Node]:
    """The signals that leave: the emitted nodes that no other emitted node reads."""
    return [step for step in emitted if not any(user in emitted for user in step.users)]


def _signal(emitted: Sequence[fx.Node]) -> set[fx.Node]:
    """The emitted nodes that the signal flows through; it is the first input of each."""
    through = set(_ends(emitted))
    for step in reversed(emitted):
        if step in through:
            through.update(step.all_input_nodes[:1])
    return through
