"""Gradient checkpointing: the graph is cut into segments, whose inner values are recomputed in the backward pass.

"Training Deep Nets with Sublinear Memory Cost" (Chen et al., 2016). A segment ends after a layer with a weight: norms,
activations, skip connections and upsampling are recomputed, the layer itself is not. A feature that is a layer's output
after a norm and an activation is recomputed by each segment that reads it, so that only the layer's own output is
stored.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from feedbackward.nn import LowRank, same_conv2d
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules import kind_of


@dataclass(frozen=True)
class _Segment:
    """A segment of the graph.

    Args:
        recomputed: Norms and activations of earlier segments that this one recomputes.
        nodes: Its own nodes.
        inputs: The nodes whose values it reads.
        outputs: The nodes whose values it returns.
    """

    recomputed: tuple[fx.Node, ...]
    nodes: tuple[fx.Node, ...]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]


def checkpoint_segments(network: fx.GraphModule) -> None:
    """Replace the nodes by calls of their segments under gradient checkpointing; for training."""
    segments = _segments(network)
    graph, values = fx.Graph(), dict[fx.Node, fx.Node]()
    (image,) = network.graph.find_nodes(op="placeholder")
    values[image] = graph.node_copy(image)
    parts = tuple(graph.get_attr(name) for name in ("encoder", "decoder"))
    for number, segment in enumerate(segments):
        run = _as_function(segment, network, name=f"segment{number}")
        outputs = graph.call_function(run, (*parts, *(values[node] for node in segment.inputs)))
        for index, node in enumerate(segment.outputs):
            values[node] = graph.call_function(operator.getitem, (outputs, index))
    graph.output(values[network.graph.output_node().all_input_nodes[0]])
    network.graph = graph


def _segments(network: fx.GraphModule) -> list[_Segment]:
    parts: list[list[fx.Node]] = [[]]
    for node in network.graph.nodes:
        if node.op not in ("placeholder", "output"):
            parts[-1].append(node)
            if _is_layer(node, network):
                parts.append([])
    parts = [part for part in parts if part]
    repeated = [_recomputed(part, network) for part in parts]
    inputs = [_inputs([*again, *part]) for again, part in zip(repeated, parts, strict=True)]
    last_use = {node: number for number, needed in enumerate(inputs) for node in needed}
    last_use |= dict.fromkeys(network.graph.output_node().all_input_nodes, len(parts))
    return [
        _Segment(again, tuple(part), needed, tuple(node for node in part if last_use.get(node, -1) > number))
        for number, (again, part, needed) in enumerate(zip(repeated, parts, inputs, strict=True))
    ]


def _is_layer(node: fx.Node, network: fx.GraphModule) -> bool:
    own = node.target is same_conv2d or target_of(node, network) is LowRank
    return own or kind_of(node, network) == "layer"


def _recomputed(part: list[fx.Node], network: fx.GraphModule) -> tuple[fx.Node, ...]:
    """The norms and activations between this part and layers of earlier parts, whose outputs are stored anyway."""
    found: dict[fx.Node, None] = {}
    for value in _inputs(part):
        chain_of_nodes = [value]
        while _is_norm(chain_of_nodes[0], network) or _is_activation(chain_of_nodes[0], network):
            chain_of_nodes.insert(0, chain_of_nodes[0].all_input_nodes[0])
        if _is_layer(chain_of_nodes[0], network):
            found |= dict.fromkeys(chain_of_nodes[1:])
    return tuple(found)


def _is_norm(node: fx.Node, network: fx.GraphModule) -> bool:
    return node.op == "call_module" and isinstance(network.get_submodule(str(node.target)), _BatchNorm)


def _is_activation(node: fx.Node, network: fx.GraphModule) -> bool:
    return node.target is torch.relu_ or kind_of(node, network) == "activation"


def _inputs(nodes: Iterable[fx.Node]) -> tuple[fx.Node, ...]:
    """The nodes outside of these that they read."""
    own = set(nodes)
    return tuple(dict.fromkeys(value for node in nodes for value in node.all_input_nodes if value not in own))


def _as_function(segment: _Segment, network: fx.GraphModule, *, name: str) -> Callable[..., tuple[Any, ...]]:
    """A function of the modules `encoder` and `decoder` and the segment's inputs; it keeps no reference to a module."""
    compute = _compile(segment, network)

    def run(encoder: nn.Module, decoder: nn.Module, *inputs: Any) -> tuple[Any, ...]:
        root = SimpleNamespace(encoder=encoder, decoder=decoder)
        contexts = partial(_contexts, encoder, decoder)
        outputs: tuple[Any, ...] = checkpoint(compute, root, *inputs, use_reentrant=False, context_fn=contexts)
        return outputs

    run.__name__ = name  # by which the generated code calls it
    return run


def _compile(segment: _Segment, network: fx.GraphModule) -> Callable[..., tuple[Any, ...]]:
    own, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in segment.inputs:
        copies[node] = own.placeholder(node.name)
    for node in segment.recomputed:
        if _is_norm(node, network):
            values = (own.get_attr(str(node.target)), copies[node.all_input_nodes[0]])
            copies[node] = own.call_function(_normalize_again, values)
        else:
            copies[node] = own.node_copy(node, copies.__getitem__)
    for node in segment.nodes:
        copies[node] = own.node_copy(node, copies.__getitem__)
    own.output(tuple(copies[node] for node in segment.outputs))
    compute: Callable[..., tuple[Any, ...]] = type(fx.GraphModule(network, own)).forward
    return compute


def _normalize_again(norm: _BatchNorm, value: Tensor) -> Tensor:
    with _without_statistics(norm):
        normalized: Tensor = norm(value)
    return normalized


def _contexts(
    encoder: nn.Module, decoder: nn.Module
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts in which a segment is computed and recomputed."""
    return nullcontext(), _without_statistics(encoder, decoder)


@contextmanager
def _without_statistics(*networks: nn.Module) -> Iterator[None]:
    """Keep batch norms from updating their statistics twice with the same batch."""
    modules = chain.from_iterable(network.modules() for network in networks)
    norms = [module for module in modules if isinstance(module, _BatchNorm) and module.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    unused = (
        torch.zeros_like(before[0][1]) if before and before[0][1] is not None else None
    )  # a synchronized norm counts
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, unused
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
