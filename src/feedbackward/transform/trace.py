"""An encoder's features as a traced graph that can be walked: no side effects, no branch on the mode."""

import operator
from collections.abc import Callable
from typing import Any

from timm import layers as tl
from timm.layers import grn, norm, padding
from timm.models import metaformer, nfnet
from torch import fx, nn

from feedbackward.transform.registry import UnsupportedOperationsError

NORMS: tuple[type[nn.Module], ...] = (
    tl.GroupNorm, tl.GroupNorm1, tl.LayerNorm, tl.LayerNorm2d, norm.LayerNormExp2d, tl.LayerNormFp32,
    tl.LayerNorm2dFp32, tl.RmsNorm, tl.RmsNorm2d, tl.SimpleNorm, tl.SimpleNorm2d, grn.GlobalResponseNorm,
    metaformer.GroupNorm1NoBias, metaformer.LayerNorm2dNoBias, metaformer.LayerNormNoBias,
)  # fmt: skip
"""Norms of timm, written in several operations."""
ACTIVATIONS: tuple[type[nn.Module], ...] = (metaformer.StarReLU, nfnet.GammaAct)
"""Activations of timm, written in several operations."""
ACTIVATING_NORMS: tuple[type[nn.Module], ...] = (tl.EvoNorm2dS0, tl.EvoNorm2dS0a, tl.FilterResponseNormTlu2d)
"""Norms that cannot be told apart from their activation."""

LEAVES: dict[type[nn.Module], str] = {
    **dict.fromkeys((*NORMS, *ACTIVATIONS, *ACTIVATING_NORMS), "one operation to the way back, whatever it computes"),
    tl.BlurPool2d: "a pool to the way back, with a filter of its own",
    tl.DropPath: "traced through, its graph would differ between training and evaluation",
    tl.BatchNormAct2d: "its forward branches on the training mode",
}
"""Modules that stay whole, each with its reason; timm names more of them (get_notrace_modules)."""

OPENED: dict[type[nn.Module], str] = {
    nfnet.NormFreeBlock: "whole in timm because it multiplies in place, which is undone here",
    tl.StdConv2dSame: "whole in timm because its padding depends on the size; the function that pads is whole instead",
    tl.ScaledStdConv2dSame: "as StdConv2dSame: only so is the weight that it applies a value of the graph",
}
"""Modules that timm keeps whole and that are traced through here, each with its reason."""

OPENED_FUNCTIONS: dict[str, str] = {
    "window_reverse": "views and a permutation, whole in timm because its arguments are declared as numbers",
}
"""Names of functions that timm keeps whole and that are traced through here, each with its reason."""

FUNCTIONS: dict[Callable[..., Any], str] = {
    padding.pad_same: "computes with the size of its input",
}
"""Functions that stay whole, each with its reason; timm names more of them (get_notrace_functions)."""

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


class _Proxy(fx.Proxy):
    def __setitem__(self, index: Any, value: Any) -> None:
        # As the masks of windows are made: written in place, into a tensor of their own.
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


class _Tracer(fx.Tracer):
    # A buffer is read when the network runs; what a trace would make of it would be kept as a tensor of its own.
    proxy_buffer_attributes = True

    def __init__(self) -> None:
        wrapped = [f for f in tl.get_notrace_functions() if f.__name__ not in OPENED_FUNCTIONS]  # type: ignore[no-untyped-call]
        super().__init__(autowrap_functions=(*FUNCTIONS, *wrapped))
        self._leaves = {*LEAVES, *tl.get_notrace_modules()} - {*OPENED}  # type: ignore[no-untyped-call]

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

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
    inplace = {path for path, module in encoder.named_modules() if vars(module).get("inplace")}
    for path in inplace:
        setattr(encoder.get_submodule(path), "inplace", False)  # noqa: B010 - modules have no such attribute in common
    tracer = _Tracer()
    tracer.traced_func_name = "forward_features"
    try:
        graph = tracer.trace(encoder)
    except Exception as error:  # whatever an encoder's own code raises when it is handed a proxy
        raise UnsupportedOperationsError(
            f"this encoder cannot be traced: {type(error).__name__}: {error}; choose another encoder",
            reasons=(f"cannot be traced: {error}",),
        ) from error
    for node in graph.nodes:
        _out_of_place(node, inplace)
    graph.lint()
    traced = fx.GraphModule(encoder, graph)
    traced.train(encoder.training)
    return traced


def _out_of_place(node: fx.Node, inplace: set[str]) -> None:
    """Give the operation a result of its own, which whatever ran behind it reads in place of the value it overwrote."""
    overwrites = node.target in OUT_OF_PLACE or bool(node.kwargs.get("inplace"))
    if overwrites or (node.op == "call_module" and node.target in inplace):
        (overwritten, *_) = node.args
        assert isinstance(overwritten, fx.Node)
        overwritten.replace_all_uses_with(node, delete_user_cb=lambda user: node < user)
    if node.op != "call_module":
        node.target = OUT_OF_PLACE.get(node.target, node.target)
    if "inplace" in node.kwargs:
        node.update_kwarg("inplace", False)
