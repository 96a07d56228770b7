"""The paper's encoder: every convolution of a plain network without its bias, and with a batch norm behind it."""

from torch import fx, nn


def biases_to_norms(traced: fx.GraphModule) -> None:
    """Drop the bias of every convolution that has one and put a batch norm behind it, in place.

    The convolution keeps its keys; its norm stands below it at PATH.norm, as the one of the way back does
    (Section 4: "we discard the bias and add two batch normalization operations").
    """
    layers = {
        path: layer for path, layer in traced.named_modules() if isinstance(layer, nn.Conv2d) and layer.bias is not None
    }
    for layer in layers.values():
        layer.bias = None
        layer.add_module("norm", nn.BatchNorm2d(layer.out_channels))
    for node in list(traced.graph.nodes):
        if node.op != "call_module" or node.target not in layers:
            continue
        with traced.graph.inserting_after(node):
            norm = traced.graph.call_module(f"{node.target}.norm")
        node.replace_all_uses_with(norm)
        norm.args = (node,)
    traced.recompile()
