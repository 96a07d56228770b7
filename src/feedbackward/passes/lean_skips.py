"""Skip connections whose activation keeps a mask for the backward pass and not its values; for training."""

import math

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.nn import fuse, rectify_and_fuse
from feedbackward.transform.registry import Target, target_of

CEILINGS: dict[Target, float] = {
    nn.ReLU: math.inf, torch.relu: math.inf, F.relu: math.inf, "relu": math.inf, nn.ReLU6: 6.0, F.relu6: 6.0,
}  # fmt: skip
"""The activations whose backward pass needs to know only where they let values through."""


def lean_skips(network: fx.GraphModule) -> None:
    """Merge each such activation and the skip connection that alone reads it into one operation, in place."""
    for node in network.graph.find_nodes(op="call_function", target=fuse):
        activation, feature = node.args
        ceiling = CEILINGS.get(target_of(activation, network))
        if ceiling is not None and len(activation.users) == 1:
            node.target, node.args, node.kwargs = rectify_and_fuse, (activation.args[0], feature), {"ceiling": ceiling}
            network.graph.erase_node(activation)
