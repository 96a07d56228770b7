"""An encoder's features as a traced graph that can be walked: no side effects, no branch on the mode."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from timm.layers import BatchNormAct2d, DropPath, get_notrace_functions, get_notrace_modules
from torch import fx, nn

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
    """
    for module in encoder.modules():
        if "inplace" in vars(module):
            setattr(module, "inplace", False)  # noqa: B010 - modules declare no such attribute in common
    tracer = _Tracer()
    tracer.traced_func_name = "forward_features"
    graph = tracer.trace(encoder)
    for node in graph.nodes:
        node.target = OUT_OF_PLACE.get(node.target, node.target)
        if "inplace" in node.kwargs:
            node.update_kwarg("inplace", False)
    graph.lint()
    traced = fx.GraphModule(encoder, graph)
    traced.train(encoder.training)
    return traced


def shapes(traced: fx.GraphModule, size: tuple[int, int], *, channels: int) -> dict[fx.Node, torch.Size]:
    """The shape of every tensor of the graph for images (2, channels, *size), found without computing."""
    return _Shapes(traced).of(size, channels)


class _Shapes(fx.Interpreter):
    def of(self, size: tuple[int, int], channels: int) -> dict[fx.Node, torch.Size]:
        self.found: dict[fx.Node, torch.Size] = {}
        assert isinstance(self.module, nn.Module)
        training = self.module.training
        self.module.eval()
        with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            device = next((parameter.device for parameter in self.module.parameters()), None)
            self.run(torch.empty(2, channels, *size, device=device))
        self.module.train(training)
        return self.found

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, torch.Tensor) and n.op != "output":
            self.found[n] = value.shape
        return value
