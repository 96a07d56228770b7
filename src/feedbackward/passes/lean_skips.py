"""Skips whose activation keeps a mask for the backward pass and not its values; for training."""

import math

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.nn import fuse, rectify_and_fuse
from feedbackward.transform.registry import Target, target_of

CEILINGS: dict[Target, float] = {
    nn.ReLU: math.inf, torch.relu: math.inf, F.relu: math.inf, "relu": math.inf, nn.ReLU6: 6.0, F.relu6: 6.0,
}  # fmt: skip
"""The activations of which the backward pass needs to know no more than where they let values through."""


def lean_skips(graph: fx.Graph, root: nn.Module) -> None:
    """Make one operation of each such activation and the skip that alone reads it, in place.

    Args:
        graph: Of both passes.
        root: The module that it runs on.
    """
    for node in graph.find_nodes(op="call_function", target=fuse):
        activation, feature = node.args
        ceiling = CEILINGS.get(target_of(activation, root))
        if ceiling is not None and len(activation.users) == 1:
            node.target, node.args, node.kwargs = rectify_and_fuse, (activation.args[0], feature), {"ceiling": ceiling}
            graph.erase_node(activation)
    graph.lint()
