"""Low-rank updates applied to the weights before them and not to their outputs; for evaluation."""

from collections.abc import Callable

import torch
from torch import Tensor, fx, nn

from feedbackward.nn import LowRank, same_conv2d, updated_weight
from feedbackward.passes.apply import register
from feedbackward.passes.shared_weight import shared_weight
from feedbackward.transform.registry import target_of


def update_weights(network: fx.GraphModule) -> None:
    """Compute the weight (I + B A) W of a convolution with a low-rank update in the graph.

    That takes less time than an update of each pixel, and none in runtimes that compute constants once. Each weight is
    still stored once.

    Args:
        network: Encoder and decoder in evaluation mode, after upsample_after_norms.
    """

    def computed(path: str, convolution: fx.Node, _: Tensor) -> fx.Node:
        parts = [network.graph.get_attr(f"{path}.{name}") for name in _parts(network, path)]
        return network.graph.call_function(updated_weight, (convolution.args[1], *parts))

    _update(network, computed)


def merge_low_rank(network: fx.GraphModule) -> None:
    """Replace each low-rank update and the convolution before it by one with the weight (I + B A) W.

    The update then costs no time, but the weight of the decoder is no longer the encoder's: it is stored twice. The
    network's own tensors are not modified.

    Args:
        network: Encoder and decoder in evaluation mode, after upsample_after_norms.
    """

    def stored(path: str, _: fx.Node, weight: Tensor) -> fx.Node:
        changed = nn.Module()
        with torch.no_grad():
            merged = updated_weight(weight, *_parts(network, path).values())
        changed.weight = nn.Parameter(merged, requires_grad=False)
        return network.graph.get_attr(f"{register(network, changed, 'merged')}.weight")

    _update(network, stored)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()


def _parts(network: fx.GraphModule, path: str) -> dict[str, Tensor]:
    """The weights of an update by their names: that of B, and that of A, unless B is a whole matrix."""
    weights = dict(network.get_submodule(path).named_parameters())
    return {name: weights[name] for name in ("up.weight", "down.weight") if name in weights}


def _update(network: fx.GraphModule, updated: Callable[[str, fx.Node, Tensor], fx.Node]) -> None:
    """Remove each low-rank update and give the convolution before it another weight.

    A convolution in groups of channels keeps its update, which mixes all of them.

    Args:
        network: The network.
        updated: Emits the new weight, given the path of the update, the convolution and the weight that it applies.
    """
    for node in network.graph.find_nodes(op="call_module"):
        if target_of(node, network) is not LowRank:
            continue
        (convolution,) = node.all_input_nodes
        if convolution.target is not same_conv2d or convolution.kwargs["groups"] != 1 or len(convolution.users) > 1:
            continue
        weight = shared_weight(convolution, network)
        if weight is None:
            continue
        with network.graph.inserting_before(convolution):
            convolution.update_arg(1, updated(str(node.target), convolution, weight))
        node.replace_all_uses_with(convolution)
        network.graph.erase_node(node)
