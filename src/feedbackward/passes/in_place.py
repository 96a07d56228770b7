"""Pointwise operations that overwrite their input, if nothing else reads it."""

import copy
import math
import operator

import torch
from torch import fx, nn

from feedbackward.nn import BATCH_NORMS, add_in_place, fuse, same_conv2d, upsample_like
from feedbackward.passes.lean_skips import CEILINGS
from feedbackward.transform.registry import target_of
from feedbackward.transform.rules import kind_of

OWN_MEMORY = (same_conv2d, upsample_like, fuse, operator.add, add_in_place)
"""Functions of the decoder that return new memory, or the memory of an input that nothing else reads."""
OWN_MEMORY_MODULES = (nn.Conv2d, nn.BatchNorm2d)
"""Modules that return new memory, as activations do."""
RECTIFIERS = {target for target, ceiling in CEILINGS.items() if ceiling == math.inf}
"""The operations that torch.relu_ computes in place."""


def rectify_in_place(network: fx.GraphModule) -> None:
    """Let ReLUs overwrite the output of a batch norm if nothing else reads it, in training too.

    The backward pass of a batch norm needs only its input, and that of a ReLU only its output.
    """
    for node in network.graph.nodes:
        if target_of(node, network) in RECTIFIERS:
            source = node.args[0]
            if target_of(source, network) in BATCH_NORMS.values() and len(source.users) == 1:
                node.op, node.target, node.args, node.kwargs = "call_function", torch.relu_, (source,), {}


def work_in_place(network: fx.GraphModule) -> None:
    """Let activations, sums and skip connections overwrite their first input if nothing else reads it.

    Args:
        network: Encoder and decoder in evaluation mode, run without gradients.
    """
    for node in list(network.graph.nodes):
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or len(source.users) > 1 or not _has_own_memory(network, source):
            continue
        if node.target in (fuse, operator.add):
            node.target = add_in_place
        elif node.target is torch.relu:
            node.target = torch.relu_
        elif node.op == "call_module":
            _activate_in_place(network, node)


def _has_own_memory(network: fx.GraphModule, node: fx.Node) -> bool:
    if node.target in OWN_MEMORY:
        return True
    layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    return layer is not None and (isinstance(layer, OWN_MEMORY_MODULES) or kind_of(node, network) == "activation")


def _activate_in_place(network: fx.GraphModule, node: fx.Node) -> None:
    layer = network.get_submodule(str(node.target))
    if kind_of(node, network) == "activation" and layer.__dict__.get("inplace") is False:
        path = f"{str(node.target).replace('.', '_')}_in_place"
        writing = copy.copy(layer)
        writing.__dict__["inplace"] = True
        network.add_submodule(path, writing)
        node.target = path
