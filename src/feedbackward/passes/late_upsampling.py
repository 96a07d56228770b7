"""Upsampling as late as possible, so that pointwise operations run on fewer pixels.

Nearest-neighbor upsampling repeats pixels, so it commutes with pointwise operations. The decoder stays the paper's, at
a lower cost.
"""

from torch import fx, nn

from feedbackward.nn import LowRank, same_conv2d, upsample_like
from feedbackward.passes.shared_weight import shared_weight
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules import kind_of


def upsample_late(network: fx.GraphModule) -> None:
    """Move each upsampling after the pointwise operations that follow it; exact in training too."""
    _move_upsampling(network, after_norms=False)


def upsample_after_norms(network: fx.GraphModule) -> None:
    """Like upsample_late, also after batch norms; exact in evaluation only, since batch statistics would change."""
    _move_upsampling(network, after_norms=True)


def _move_upsampling(network: fx.GraphModule, *, after_norms: bool) -> None:
    # From the last one, so that several in a row can all move.
    for upsampling in reversed(network.graph.find_nodes(op="call_function", target=upsample_like)):
        signal = upsampling.args[0]
        while len(upsampling.users) == 1:
            (following,) = upsampling.users
            if following.args[:1] != (upsampling,) or not _is_pointwise(following, network, after_norms):
                break
            following.replace_all_uses_with(upsampling)
            following.update_arg(0, signal)
            upsampling.update_arg(0, following)
            following.append(upsampling)
            signal = following


def _is_pointwise(node: fx.Node, network: fx.GraphModule, after_norms: bool) -> bool:
    """Whether the node computes each pixel only from the same pixel of its first input."""
    if node.op == "output":
        return False
    if node.target is same_conv2d:
        weight = shared_weight(node, network)
        return weight is not None and weight.shape[2:] == (1, 1)
    target = target_of(node, network)
    is_norm = after_norms and target is nn.BatchNorm2d
    return is_norm or target is LowRank or kind_of(node, network) == "activation"
