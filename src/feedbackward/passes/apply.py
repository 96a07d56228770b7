"""Running a list of passes over a graph."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from torch import fx, nn

Pass: TypeAlias = Callable[[fx.GraphModule], None]
"""Changes a network's graph in place, but not what it computes."""


def register(network: fx.GraphModule, module: nn.Module, name: str) -> str:
    """Register a module under the name and the first number that is free, and return both."""
    path = next(f"{name}{n}" for n in range(len(network.graph.nodes) + 1) if not hasattr(network, f"{name}{n}"))
    network.add_submodule(path, module)
    return path


def apply_passes(graph: fx.Graph, root: nn.Module, passes: Iterable[Pass]) -> fx.GraphModule:
    """Run passes, one after another, over a copy of a graph.

    Args:
        graph: The graph, which is not modified.
        root: The module that it runs on, which is not modified; its tensors are shared.
        passes: The passes in order.

    Returns:
        A module that runs the changed graph.
    """
    copy = fx.Graph()
    copy.output(copy.graph_copy(graph, {}))
    network = fx.GraphModule(root, copy)
    for change in passes:
        change(network)
    network.graph.lint()
    network.recompile()
    return network
