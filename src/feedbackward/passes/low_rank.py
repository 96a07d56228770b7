"""Low-rank updates applied to the weights before them and not to their outputs; for evaluation."""

from collections.abc import Iterator

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
    for node, convolution, _ in _updated(network):
        path = str(node.target)
        has_down = network.get_submodule(path).down is not None
        with network.graph.inserting_before(convolution):
            parts = [network.graph.get_attr(f"{path}.{part}.weight") for part in ("up", "down")[: 1 + has_down]]
            weight = network.graph.call_function(updated_weight, (convolution.args[1], *parts))
        convolution.update_arg(1, weight)
        node.replace_all_uses_with(convolution)
        network.graph.erase_node(node)


def merge_low_rank(network: fx.GraphModule) -> None:
    """Replace each low-rank update and the convolution before it by one with the weight (I + B A) W.

    The update then costs no time, but the weight of the decoder is no longer the encoder's: it is stored twice. The
    network's own tensors are not modified.

    Args:
        network: Encoder and decoder in evaluation mode, after upsample_after_norms.
    """
    for node, convolution, weight in _updated(network):
        update = network.get_submodule(str(node.target))
        assert isinstance(update, LowRank)
        with torch.no_grad():
            merged = torch.tensordot(update.matrix(), weight, dims=1)
        changed = nn.Module()
        changed.weight = nn.Parameter(merged.contiguous(), requires_grad=False)
        path = register(network, changed, "merged")
        with network.graph.inserting_before(convolution):
            convolution.update_arg(1, network.graph.get_attr(f"{path}.weight"))
        node.replace_all_uses_with(convolution)
        network.graph.erase_node(node)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()


def _updated(network: fx.GraphModule) -> Iterator[tuple[fx.Node, fx.Node, Tensor]]:
    """Each low-rank update, the convolution before it, and the weight that this applies.

    A convolution in groups of channels keeps its update, which mixes all of them.
    """
    for node in network.graph.find_nodes(op="call_module"):
        if target_of(node, network) is not LowRank:
            continue
        (source,) = node.all_input_nodes
        if source.target is not same_conv2d or source.kwargs["groups"] != 1 or len(source.users) > 1:
            continue
        weight = shared_weight(source, network)
        if weight is not None:
            yield node, source, weight
