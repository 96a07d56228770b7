"""Upsampling as late as possible: an operation on single pixels gives the same before it, where there are fewer pixels.

Nearest-neighbor upsampling repeats pixels, so it can be exchanged with all that works on each pixel by itself. The way
back stays the paper's; what is computed is less.
"""

from torch import fx, nn

from feedbackward.nn import same_conv2d, upsample_like
from feedbackward.passes.shared_weight import shared_weight
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules.pointwise import is_activation


def upsample_late(graph: fx.Graph, root: nn.Module, *, after_norms: bool = False) -> fx.Graph:
    """Move each upsampling behind the operations on single pixels that follow it.

    Args:
        graph: Of both passes, as transpose() has written it; it is left as it is.
        root: The module with `encoder` and `decoder` that it runs on.
        after_norms: Also behind batch norms, which is the same in evaluation mode only: in training their statistics
            would be those of the fewer pixels.

    Returns:
        A graph that computes the same.
    """
    late = fx.Graph()
    late.output(late.graph_copy(graph, {}))
    # From the last one, so that several in a row can all move on.
    for upsampling in reversed(late.find_nodes(op="call_function", target=upsample_like)):
        signal = upsampling.args[0]
        while len(upsampling.users) == 1:
            (following,) = upsampling.users
            if following.args[:1] != (upsampling,) or not _works_on_pixels(following, root, after_norms):
                break
            following.replace_all_uses_with(upsampling)
            following.update_arg(0, signal)
            upsampling.update_arg(0, following)
            following.append(upsampling)
            signal = following
    late.lint()
    return late


def _works_on_pixels(node: fx.Node, root: nn.Module, norms: bool) -> bool:
    """Whether the node makes each pixel from the same pixel of its first input alone."""
    if node.op == "output":
        return False
    if node.target is same_conv2d:
        weight = shared_weight(node, root)
        return weight is not None and weight.shape[2:] == (1, 1)
    target = target_of(node, root)
    return (norms and target is nn.BatchNorm2d) or is_activation(target)
