"""What the way back does at each node of an encoder, and the shapes of both passes, as plain rows.

The words are read off the nodes that the rules emitted, so a new rule shows without a line here.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import fx, nn

from feedbackward.graph import rules
from feedbackward.graph.registry import REGISTRY, Rule, Target, target_of
from feedbackward.graph.trace import shapes
from feedbackward.graph.transpose import WayBack
from feedbackward.nn import fuse, permute_weight, same_conv2d, upsample_like

WORDS: dict[Any, str] = {
    permute_weight: "axes swapped",
    upsample_like: "upsample",
    same_conv2d: "conv",
    fuse: "+ skip",
    torch.narrow: "slice",
    operator.mul: "× gate",
    operator.add: "sum of signals",
}
"""What is emitted, in words; anything else has its own name."""

IDLE: dict[Rule, str] = {
    rules.passes: "nothing",
    rules.norm_activation: "nothing",
    rules.add: "to each branch",
}
"""What a rule that emitted nothing did, in words; the layers of all other rules were passed by."""

PASSED_BY = "passed by"
AS_IT_IS = "as it is"

Shape = tuple[int, ...]
"""Channels, height and width."""


@dataclass(frozen=True)
class Row:
    """One node of the encoder and what the way back does there; or the U-turn between the passes.

    Args:
        part: A "node" of the encoder, the "turn", the "end" of the way back at a node, or a node "beyond" the end.
        name: The node's name in the graph.
        path: Where it is in the encoder: the path of its module, or of the module that calls it.
        operation: What the encoder does there.
        shape: The shape of the encoder's value.
        inputs: The names of the nodes that the encoder reads there.
        weighted: Whether a shared weight belongs to the node.
        actions: What the way back does there, in words and in order; empty where no signal arrives.
        weight: How the way back uses the weight: "axes swapped", "as it is", or None where it does not.
        skip: Whether the encoder's own value joins the signal there.
        gate: Whether the encoder's own gate multiplies the signal there.
        signals: The shapes of what flows on from there: one, or one for each part of a concatenation.
    """

    part: Literal["node", "turn", "end", "beyond"]
    name: str
    path: str
    operation: str
    shape: Shape
    inputs: tuple[str, ...] = ()
    weighted: bool = False
    actions: tuple[str, ...] = ()
    weight: str | None = None
    skip: bool = False
    gate: bool = False
    signals: tuple[Shape, ...] = ()


def explain(
    encoder: fx.GraphModule, way_back: WayBack, *, size: tuple[int, int], in_channels: int
) -> list[Row]:
    """The rows of both passes in the order of the way back, from the U-turn to the image.

    Args:
        encoder: The traced encoder that was transposed.
        way_back: What transpose() made of it.
        size: Height and width of the image, at which the shapes are found; nothing is computed.
        in_channels: The channels of the image.
    """
    root = nn.Module()
    root.encoder, root.decoder = encoder, way_back.decoder
    network = fx.GraphModule(root, way_back.graph)
    return _Explainer(network, way_back, shapes(network, size, channels=in_channels)).rows()


class _Explainer:
    def __init__(self, network: fx.GraphModule, way_back: WayBack, found: dict[fx.Node, torch.Size]) -> None:
        self.network = network
        self.way_back = way_back
        self.found = found
        self.emitted = {passed.node: passed.emitted for passed in way_back.passed}

    def rows(self) -> list[Row]:
        graph, stop = self.way_back.graph, self.way_back.stop
        feature = self.way_back.passed[0].node
        rows: list[Row] = []
        for node in graph.nodes:
            if node in self.found and node.op != "get_attr":
                rows.append(self._node(node, beyond=stop.name not in {row.name for row in rows}))
            if node is feature:
                break
        return [self._turn(feature), *reversed(rows)]

    def _turn(self, feature: fx.Node) -> Row:
        own = ("the encoder's last pool turns by itself",)
        return Row(
            part="turn",
            name="turn",
            path="U-turn",
            operation="",
            shape=self._shape(feature),
            inputs=(feature.name,),
            actions=self._words(self.way_back.turn) or own,
            signals=(self._shape(feature),),
        )

    def _node(self, node: fx.Node, *, beyond: bool) -> Row:
        emitted = self._last() if node is self.way_back.stop else self.emitted.get(node, ())
        targets = {step.target for step in emitted}
        reads = any(step.op == "get_attr" for step in emitted)
        is_end = node is self.way_back.stop
        reached = is_end or node in self.emitted
        return Row(
            part="end" if is_end else "beyond" if beyond else "node",
            name=node.name,
            path=_path(node),
            operation=self._operation(node),
            shape=self._shape(node),
            inputs=tuple(value.name for value in node.all_input_nodes if value in self.found),
            weighted=self._is_weighted(node),
            actions=self._actions(node, emitted) if reached or not beyond else (),
            weight=(WORDS[permute_weight] if permute_weight in targets else AS_IT_IS) if reads else None,
            skip=fuse in targets,
            gate=operator.mul in targets,
            signals=tuple(map(self._shape, _ends(emitted) or [node])) if reached else (),
        )
