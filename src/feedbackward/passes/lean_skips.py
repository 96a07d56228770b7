"""Skip connections whose activation saves a mask for the backward pass instead of its values; for training."""

import math

import torch
import torch.nn.functional as F
from torch import fx, nn

from feedbackward.nn import fuse, rectify_and_fuse
from feedbackward.transform.registry import Target, target_of

CEILINGS: dict[Target, float] = {
    nn.ReLU: math.inf, torch.relu: math.inf, F.relu: math.inf, "relu": math.inf, nn.ReLU6: 6.0, F.relu6: 6.0,
}  # fmt: skip
"""The largest output of each activation whose backward pass only needs to know where it lets values through."""


def lean_skips(network: fx.GraphModule) -> None:
    """Merge each such activation with its skip connection into one operation, if nothing else reads the activation."""
    for node in network.graph.find_nodes(op="call_function", target=fuse):
        activation, feature = node.args
        ceiling = CEILINGS.get(target_of(activation, network))
        if ceiling is not None and len(activation.users) == 1:
            node.target, node.args, node.kwargs = rectify_and_fuse, (activation.args[0], feature), {"ceiling": ceiling}
            network.graph.erase_node(activation)
