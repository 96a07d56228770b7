"""The encoder's norms as in the paper: each bias of a convolution is replaced by a batch norm after it."""

from torch import fx, nn


def biases_to_norms(network: fx.GraphModule) -> None:
    """Replace the bias of each convolution by a batch norm after it, in place.

    The convolution keeps its keys; its norm is at PATH.norm, like the decoder's (Section 4: "we discard the bias and
    add two batch normalization operations").
    """
    layers = {
        path: layer
        for path, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.bias is not None
    }
    for layer in layers.values():
        layer.bias = None
        layer.add_module("norm", nn.BatchNorm2d(layer.out_channels))
    for node in list(network.graph.nodes):
        if node.op != "call_module" or node.target not in layers:
            continue
        with network.graph.inserting_after(node):
            norm = network.graph.call_module(f"{node.target}.norm")
        node.replace_all_uses_with(norm)
        norm.args = (node,)
    network.recompile()
