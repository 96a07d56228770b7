"""Gradient checkpointing: both passes in segments whose inner values are computed again in the backward pass.

"Training Deep Nets with Sublinear Memory Cost" (Chen et al., 2016). A segment ends behind a layer with a weight:
what is computed again is norms, activations, skips and upsampling, and never the layer itself. A feature that lies a
norm and an activation behind a layer is computed again by each segment that reads it, so that no more than the layer's
own output is kept of it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from feedbackward.nn import Parts, same_conv2d
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules.pointwise import is_activation

LAYERS = (nn.Conv2d, nn.Linear)
LAYER_FUNCTIONS = (same_conv2d, F.linear, torch.conv2d)


@dataclass(frozen=True)
class _Segment:
    """Some nodes of a graph as a function.

    Args:
        run: From the root module and the inputs to the outputs.
        inputs: The nodes whose values it takes.
        outputs: The nodes whose values it gives.
        last_used: The inputs that no later segment takes.
    """

    run: Callable[..., tuple[Any, ...]]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]
    last_used: tuple[fx.Node, ...]


def checkpointed(graph: fx.Graph, root: nn.Module) -> Callable[[nn.Module, Tensor], Parts]:
    """A function that computes what a graph does and keeps less for the backward pass.

    Args:
        graph: Of both passes.
        root: A module like the one that it will run on.

    Returns:
        A function of the module and the images; it holds no module.
    """
    segments = _segments(graph, root)
    (image,) = graph.find_nodes(op="placeholder")
    (end,) = graph.output_node().all_input_nodes

    def run(network: nn.Module, value: Tensor) -> Parts:
        values: dict[fx.Node, Any] = {image: value}
        for segment in segments:
            inputs = [values[node] for node in segment.inputs]
            outputs = checkpoint(
                segment.run, network, *inputs, use_reentrant=False, context_fn=partial(_contexts, network)
            )
            for node in segment.last_used:
                del values[node]
            values.update(zip(segment.outputs, outputs, strict=True))
        found: Parts = values[end]
        return found

    return run


def _segments(graph: fx.Graph, root: nn.Module) -> list[_Segment]:
    parts: list[list[fx.Node]] = [[]]
    for node in graph.nodes:
        if node.op not in ("placeholder", "output"):
            parts[-1].append(node)
            if _is_layer(node, root):
                parts.append([])
    parts = [part for part in parts if part]
    again = [_computed_again(part, root) for part in parts]
    needed = [_inputs([*repeated, *part]) for repeated, part in zip(again, parts, strict=True)]
    last = {node: number for number, inputs in enumerate(needed) for node in inputs}
    last |= dict.fromkeys(graph.output_node().all_input_nodes, len(parts))
    segments = []
    for number, (repeated, part, inputs) in enumerate(zip(again, parts, needed, strict=True)):
        outputs = tuple(node for node in part if last.get(node, -1) > number)
        run = _compile(repeated, part, inputs, outputs, root)
        segments.append(_Segment(run, inputs, outputs, tuple(node for node in inputs if last[node] == number)))
    return segments


def _is_layer(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        return isinstance(root.get_submodule(str(node.target)), LAYERS)
    return node.target in LAYER_FUNCTIONS


def _computed_again(part: list[fx.Node], root: nn.Module) -> tuple[fx.Node, ...]:
    """The norms and activations between layers of earlier parts, whose output is kept anyway, and this part."""
    found: dict[fx.Node, None] = {}
    for value in _inputs(part):
        chain = [value]
        while _is_norm(chain[0], root) or _is_activation(chain[0], root):
            chain.insert(0, chain[0].all_input_nodes[0])
        if _is_layer(chain[0], root):
            found |= dict.fromkeys(chain[1:])
    return tuple(found)


def _is_norm(node: fx.Node, root: nn.Module) -> bool:
    return node.op == "call_module" and isinstance(root.get_submodule(str(node.target)), _BatchNorm)


def _is_activation(node: fx.Node, root: nn.Module) -> bool:
    return node.target is torch.relu_ or is_activation(target_of(node, root))


def _inputs(nodes: Iterable[fx.Node]) -> tuple[fx.Node, ...]:
    """What is read and not computed here."""
    own = set(nodes)
    return tuple(dict.fromkeys(value for node in nodes for value in node.all_input_nodes if value not in own))


def _compile(
    repeated: Iterable[fx.Node],
    part: Iterable[fx.Node],
    inputs: Iterable[fx.Node],
    outputs: Iterable[fx.Node],
    root: nn.Module,
) -> Callable[..., tuple[Any, ...]]:
    own, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in inputs:
        copies[node] = own.placeholder(node.name)
    for node in repeated:
        if _is_norm(node, root):
            values = (own.get_attr(str(node.target)), copies[node.all_input_nodes[0]])
            copies[node] = own.call_function(_normalize_again, values)
        else:
            copies[node] = own.node_copy(node, copies.__getitem__)
    for node in part:
        copies[node] = own.node_copy(node, copies.__getitem__)
    own.output(tuple(copies[node] for node in outputs))
    run: Callable[..., tuple[Any, ...]] = type(fx.GraphModule(root, own)).forward
    return run


def _normalize_again(norm: _BatchNorm, value: Tensor) -> Tensor:
    with _without_statistics(norm):
        normalized: Tensor = norm(value)
    return normalized


def _contexts(network: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What surrounds the first computation of a segment, and the second one."""
    return nullcontext(), _without_statistics(network)


@contextmanager
def _without_statistics(network: nn.Module) -> Iterator[None]:
    """Batch norms do not count the batch that they see a second time."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
