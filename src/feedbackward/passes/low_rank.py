"""Low-rank updates merged into the weights before them; for evaluation."""

import torch
from torch import fx, nn

from feedbackward.nn import LowRank, same_conv2d
from feedbackward.passes.apply import register
from feedbackward.passes.shared_weight import shared_weight
from feedbackward.transform.registry import target_of


def merge_low_rank(network: fx.GraphModule) -> None:
    """Replace each low-rank update and the convolution before it by one with the weight (I + B A) W.

    The update then costs no time, but the weight of the decoder is no longer the encoder's: it is stored twice. The
    network's own tensors are not modified. A convolution in groups of channels keeps its update, which mixes all of
    them.

    Args:
        network: Encoder and decoder in evaluation mode, after upsample_after_norms.
    """
    for node in network.graph.find_nodes(op="call_module"):
        if target_of(node, network) is not LowRank:
            continue
        (source,) = node.all_input_nodes
        if source.target is not same_conv2d or source.kwargs["groups"] != 1 or len(source.users) > 1:
            continue
        weight = shared_weight(source, network)
        if weight is None:
            continue
        update = network.get_submodule(str(node.target))
        assert isinstance(update, LowRank)
        with torch.no_grad():
            merged = torch.tensordot(update.matrix(), weight, dims=1)
        changed = nn.Module()
        changed.weight = nn.Parameter(merged.contiguous(), requires_grad=False)
        path = register(network, changed, "merged")
        with network.graph.inserting_before(source):
            source.update_arg(1, network.graph.get_attr(f"{path}.weight"))
        node.replace_all_uses_with(source)
        network.graph.erase_node(node)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()
