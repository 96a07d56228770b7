"""An encoder's features as a traced graph that can be walked: no side effects, no branch on the mode."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from timm.layers import BatchNormAct2d, DropPath, get_notrace_functions, get_notrace_modules
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.node import map_aggregate

from feedbackward.graph.registry import UnsupportedOperationsError

LEAVES: dict[type[nn.Module], str] = {
    DropPath: "traced through, its graph would differ between training and evaluation",
    BatchNormAct2d: "its forward branches on the training mode",
}
"""Modules that stay whole, each with its reason; timm names more of them (get_notrace_modules)."""

OUT_OF_PLACE: dict[Any, Callable[..., Any] | str] = {
    operator.iadd: operator.add,
    operator.imul: operator.mul,
    operator.isub: operator.sub,
    operator.itruediv: operator.truediv,
    "add_": "add",
    "mul_": "mul",
    "sub_": "sub",
    "div_": "div",
    "relu_": "relu",
}


class _Tracer(fx.Tracer):
    def __init__(self) -> None:
        super().__init__(autowrap_functions=tuple(get_notrace_functions()))  # type: ignore[no-untyped-call]
        self._leaves = {*LEAVES, *get_notrace_modules()}  # type: ignore[no-untyped-call]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in self._leaves or super().is_leaf_module(m, module_qualified_name)


def trace(encoder: nn.Module) -> fx.GraphModule:
    """Trace encoder.forward_features into a graph that the way back can read from.

    The weights are shared with the given encoder and keep its keys; what its features do not need (a classifier) is
    left out. Every operation is made out of place, because the way back reads values that an inplace operation would
    have overwritten: the encoder's own modules are changed so.

    Args:
        encoder: A network with timm's forward_features, an image (N, C, H, W) to features (N, D, h, w).

    Raises:
        UnsupportedOperationsError: If its forward pass depends on values that a trace does not have.
    """
    for module in encoder.modules():
        if "inplace" in vars(module):
            setattr(module, "inplace", False)  # noqa: B010 - modules declare no such attribute in common
    tracer = _Tracer()
    tracer.traced_func_name = "forward_features"
    try:
        graph = tracer.trace(encoder)
    except Exception as error:  # whatever an encoder's own code raises when it is handed a proxy
        raise UnsupportedOperationsError(
            f"this encoder cannot be traced: {type(error).__name__}: {error}; choose another encoder"
        ) from error
    for node in graph.nodes:
        node.target = OUT_OF_PLACE.get(node.target, node.target)
        if "inplace" in node.kwargs:
            node.update_kwarg("inplace", False)
    graph.lint()
    traced = fx.GraphModule(encoder, graph)
    traced.train(encoder.training)
    return traced


Shapes = dict[fx.Node, Any]
"""The torch.Size of each node's tensor, in the tuples and lists that the node's value has; no entry without tensors."""


def shapes(traced: fx.GraphModule, size: tuple[int, int], *, channels: int) -> Shapes:
    """The shapes of a graph's values for images (2, channels, *size), found without computing.

    Raises:
        UnsupportedOperationsError: If the graph does not run at that size.
    """
    modes = {module: module.training for module in traced.modules()}
    weight = next((parameter for parameter in traced.parameters()), torch.empty(0))
    interpreter = _ShapeInterpreter(traced.eval())
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            interpreter.run(weight.new_empty(2, channels, *size))
    except Exception as error:  # whatever an encoder's own code raises at a size that it does not take
        raise UnsupportedOperationsError(
            f"this encoder does not run on images of {size[0]}x{size[1]}, so it does not take every size: "
            f"{type(error).__name__}: {error}; choose another encoder"
        ) from error
    finally:
        for module, training in modes.items():
            module.training = training
    return interpreter.found


class _ShapeInterpreter(fx.Interpreter):
    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.found: Shapes = {}
        # The encoder's error is wrapped in a message for users, to which fx would add its own frames.
        self.extra_traceback = False

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        tensors: list[torch.Tensor] = []
        shape = map_aggregate(value, lambda leaf: _note(leaf, tensors))
        if tensors and n.op != "output":
            self.found[n] = shape
        return value


def _note(leaf: Any, tensors: list[torch.Tensor]) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    tensors.append(leaf)
    return leaf.shape
