"""Batch norms folded into the convolutions before them, in encoder and decoder; for evaluation."""

import copy

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from feedbackward.nn import same_conv2d
from feedbackward.passes.apply import register
from feedbackward.passes.shared_weight import shared_weight

FOLDED = "folded"
"""The name of the layers that this pass adds, before their number."""


def fold_norms(network: fx.GraphModule) -> None:
    """Fold each batch norm into the weight of the convolution before it, if nothing else reads that one's output.

    A shared weight becomes two: one scaled by the encoder's norm, and one with swapped axes, scaled by the decoder's
    norm. The network's own tensors are not modified.

    Args:
        network: Encoder and decoder in evaluation mode, after upsample_after_norms.
    """
    for node in network.graph.find_nodes(op="call_module"):
        norm = network.get_submodule(str(node.target))
        source = node.args[0]
        if not isinstance(norm, nn.BatchNorm2d) or len(source.users) > 1:
            continue
        if source.op == "call_module" and isinstance(network.get_submodule(str(source.target)), nn.Conv2d):
            _fold_into_layer(network, source, norm)
        elif source.target is same_conv2d and shared_weight(source, network) is not None:
            _fold_into_decoder(network, source, norm)
        else:
            continue
        if isinstance(norm, BatchNormAct2d):  # only its activation is left
            # Under a new name: the clean-up would delete the unused parts of the root's own norm.
            node.target = register(network, norm.act, FOLDED)
        else:
            node.replace_all_uses_with(source)
            network.graph.erase_node(node)
    network.graph.eliminate_dead_code()
    network.delete_all_unused_submodules()


def _fold_into_layer(network: fx.GraphModule, node: fx.Node, norm: nn.BatchNorm2d) -> None:
    """Fold into a layer of the encoder, which may run several times with a different norm each time."""
    layer = network.get_submodule(str(node.target))
    assert isinstance(layer, nn.Conv2d)
    folded = copy.copy(layer)
    folded._parameters, folded._modules = dict(layer._parameters), {}  # biases_to_norms registers norms in it
    folded.weight, folded.bias = _folded(layer.weight, layer.bias, norm)
    node.target = register(network, folded, FOLDED)


def _fold_into_decoder(network: fx.GraphModule, node: fx.Node, norm: nn.BatchNorm2d) -> None:
    weight = shared_weight(node, network)
    assert weight is not None
    folded = nn.Module()
    folded.weight, folded.bias = _folded(weight, None, norm)
    path = register(network, folded, FOLDED)
    with network.graph.inserting_before(node):
        node.update_arg(1, network.graph.get_attr(f"{path}.weight"))
        node.update_kwarg("bias", network.graph.get_attr(f"{path}.bias"))


def _folded(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[nn.Parameter, nn.Parameter]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        scaled, shift = fuse_conv_bn_weights(
            weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
    return nn.Parameter(scaled.contiguous(), requires_grad=False), nn.Parameter(shift, requires_grad=False)
