"""An encoder's features as a traced graph, without side effects or branches on the training mode."""

import inspect
import operator
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from timm import layers as tl
from timm.layers import padding
from timm.models import nfnet
from torch import fx, nn
from torchvision.ops import StochasticDepth

from feedbackward.nn.sync_norm import SyncNorm, SyncNormAct
from feedbackward.transform.head import without_head
from feedbackward.transform.registry import UnsupportedOperationsError
from feedbackward.transform.rules.pointwise import ACTIVATING_NORMS, ACTIVATIONS, NORMS

LEAVES: dict[type[nn.Module], str] = {
    **dict.fromkeys((*NORMS, *ACTIVATIONS, *ACTIVATING_NORMS), "one operation for the decoder, whatever it computes"),
    tl.BlurPool2d: "a pool for the decoder, with its own filter",
    **dict.fromkeys((tl.DropPath, StochasticDepth), "its graph would differ between training and evaluation"),
    **dict.fromkeys(
        (tl.BatchNormAct2d, tl.SyncBatchNormAct, SyncNorm, SyncNormAct), "its forward branches on the training mode"
    ),
}
"""Modules that are leaves, each with its reason; timm names more of them (get_notrace_modules)."""

OPENED: dict[type[nn.Module], str] = {
    nfnet.NormFreeBlock: "a leaf in timm because it multiplies in place, which is undone here",
    tl.StdConv2dSame: "a leaf in timm because its padding depends on the size; here only pad_same is a leaf",
    tl.ScaledStdConv2dSame: "as StdConv2dSame; this makes the weight that it applies a value of the graph",
}
"""Modules that are leaves in timm but traced through here, each with its reason."""

OPENED_FUNCTIONS: dict[str, str] = {
    "window_reverse": "views and a permutation, a leaf in timm because its arguments are declared as numbers",
}
"""Names of functions that are leaves in timm but traced through here, each with its reason."""

FUNCTIONS: dict[Callable[..., Any], str] = {
    padding.pad_same: "computes with the size of its input",
}
"""Functions that are leaves, each with its reason; timm names more of them (get_notrace_functions)."""

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


_NOT_THE_ENCODER = (f"{Path(torch.__file__).parent}{os.sep}", __file__, "<")
"""Prefixes of the file names in a stack trace that are not the encoder's own code."""


class _Proxy(fx.Proxy):
    def __setitem__(self, index: Any, value: Any) -> None:
        # Window masks are written in place, into a separate tensor.
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


class _Tracer(fx.Tracer):
    # A buffer is read when the network runs; otherwise the trace would keep a copy of it as a constant.
    proxy_buffer_attributes = True

    def __init__(self, method: str = "forward") -> None:  # unpickling calls it without arguments
        wrapped = [f for f in tl.get_notrace_functions() if f.__name__ not in OPENED_FUNCTIONS]  # type: ignore[no-untyped-call]
        super().__init__(autowrap_functions=(*FUNCTIONS, *wrapped))
        self._leaves = {*LEAVES, *tl.get_notrace_modules()} - {*OPENED}  # type: ignore[no-untyped-call]
        self.traced_func_name = method

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in self._leaves or super().is_leaf_module(m, module_qualified_name)


def trace(encoder: nn.Module, *, in_channels: int = 3) -> fx.GraphModule:
    """Trace an encoder from the image to its features.

    The features are the result of forward_features, if there is such a method, as in timm's encoders, or else the last
    value of forward that is laid out as an image; the classification head after it is cut off. The weights are shared
    with the given encoder and keep its keys; modules that the features do not use are left out. Every operation is made
    out of place, because the decoder reads values that an in-place operation would have overwritten: the encoder's own
    modules are changed accordingly.

    Args:
        encoder: A module with one input, an image (N, in_channels, H, W).
        in_channels: The number of image channels.

    Raises:
        UnsupportedOperationsError: If the encoder has other inputs, hooks or no convolution, if its control flow
            depends on data or on the training mode, or if it changes itself; the message names the line.
    """
    method = "forward_features" if callable(getattr(encoder, "forward_features", None)) else "forward"
    _check_inputs(encoder, method)
    _check_hooks(encoder)
    inplace = {path for path, module in encoder.named_modules() if vars(module).get("inplace")}
    for path in inplace:
        setattr(encoder.get_submodule(path), "inplace", False)  # noqa: B010 - modules have no such attribute in common
    graph = _traced(encoder, method)
    _check_mode(encoder, method, graph)
    for node in graph.nodes:
        _out_of_place(node, inplace)
    graph.lint()
    traced = fx.GraphModule(encoder, graph)
    traced.train(encoder.training)
    return (
        traced
        if method == "forward_features"
        else without_head(traced, channels=in_channels, name=type(encoder).__name__)
    )


def _traced(encoder: nn.Module, method: str, *, record_lines: bool = False) -> fx.Graph:
    tracer = _Tracer(method)
    tracer.record_stack_traces = record_lines
    try:
        with _constant_attributes():
            return tracer.trace(encoder)
    except UnsupportedOperationsError:
        raise
    except Exception as error:  # an encoder's own code may raise anything when it is called with a proxy
        raise UnsupportedOperationsError(
            f"this encoder cannot be traced: {_line_of(error)}{type(error).__name__}: {error}; choose another encoder, "
            f"or rewrite that line so that its control flow does not depend on the image",
            reasons=(f"cannot be traced: {error}",),
        ) from error


def _line_of(error: Exception) -> str:
    """The line of the encoder's own code that raised."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NOT_THE_ENCODER)
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""


@contextmanager
def _constant_attributes() -> Iterator[None]:
    """Refuse assignments to attributes of modules: a traced encoder would not repeat them."""
    assign = nn.Module.__setattr__

    def refuse(module: nn.Module, name: str, value: Any) -> None:
        frame = traceback.extract_stack(limit=2)[0]
        # fx itself stores the constants of a graph as attributes.
        if frame.filename.startswith(f"{Path(fx.__file__).parent}{os.sep}"):
            assign(module, name, value)
            return
        raise UnsupportedOperationsError(
            f"{frame.filename}:{frame.lineno}: {type(module).__name__} sets its attribute {name!r} while it runs, "
            f"which a traced encoder would not repeat; rewrite that line so that the module does not change",
            reasons=("changes itself while it runs",),
        )

    nn.Module.__setattr__ = refuse  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        nn.Module.__setattr__ = assign  # type: ignore[method-assign]


def _check_inputs(encoder: nn.Module, method: str) -> None:
    required = [
        parameter.name
        for parameter in inspect.signature(getattr(encoder, method)).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(required) != 1:
        raise UnsupportedOperationsError(
            f"{type(encoder).__name__}.{method} has {len(required)} inputs ({', '.join(required) or 'none'}); an "
            f"encoder has one, the image: wrap it in a module that takes only the image",
            reasons=(f"has {len(required)} inputs",),
        )


def _check_hooks(encoder: nn.Module) -> None:
    """Refuse forward hooks: those of modules that are traced through would run only once, during tracing."""
    for path, module in encoder.named_modules():
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
            raise UnsupportedOperationsError(
                f"{path or type(encoder).__name__} has the forward hook {_source_of(hook)}, which a traced encoder "
                f"would not run; remove it, or write what it does into the module",
                reasons=("has forward hooks",),
            )


def _source_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    name = getattr(function, "__qualname__", type(function).__name__)
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def _check_mode(encoder: nn.Module, method: str, graph: fx.Graph) -> None:
    """Refuse an encoder whose trace depends on the training mode, since one graph serves both modes."""
    modes, attributes = {path: module.training for path, module in encoder.named_modules()}, set(vars(encoder))
    encoder.train(not encoder.training)
    try:
        other = _traced(encoder, method)
    finally:
        for path, module in encoder.named_modules():
            module.training = modes[path]
        for name in vars(encoder).keys() - attributes:  # the constants of the other graph
            delattr(encoder, name)
    pairs = zip_longest(map(_call, graph.nodes), map(_call, other.nodes))
    different = next((index for index, (here, there) in enumerate(pairs) if here != there), None)
    if different is not None:
        raise UnsupportedOperationsError(
            f"{_recorded_line(encoder, method, different)}: this operation depends on the training mode, which a "
            f"traced encoder does not follow; use a module such as nn.Dropout for it",
            reasons=("depends on the training mode",),
        )


def _call(node: fx.Node) -> str:
    # Constants of the graph are numbered over all traces of a module.
    return re.sub(r"_tensor_constant\d+", "_tensor_constant", f"{node.op} {node.target} {node.args} {node.kwargs}")


def _recorded_line(encoder: nn.Module, method: str, index: int) -> str:
    """FILE:LINE of the encoder's own code that creates the node with that index."""
    nodes = list(_traced(encoder, method, record_lines=True).nodes)
    stack = nodes[min(index, len(nodes) - 1)].stack_trace or ""
    lines = [
        (file, line)
        for file, line in re.findall(r'File "([^"]+)", line (\d+)', stack)
        if not file.startswith(_NOT_THE_ENCODER)
    ]
    return ":".join(lines[-1]) if lines else type(encoder).__name__


def _out_of_place(node: fx.Node, inplace: set[str]) -> None:
    """Make the operation return a new value, which all later operations read instead of the overwritten one."""
    overwrites = node.target in OUT_OF_PLACE or bool(node.kwargs.get("inplace"))
    if overwrites or (node.op == "call_module" and node.target in inplace):
        (overwritten, *_) = node.args
        assert isinstance(overwritten, fx.Node)
        if overwritten.op == "get_attr":
            raise UnsupportedOperationsError(
                f"this encoder writes into its tensor {overwritten.target} while it runs, which a traced encoder "
                f"does not allow; compute without changing the module",
                reasons=("changes itself while it runs",),
            )
        overwritten.replace_all_uses_with(node, delete_user_cb=lambda user: node < user)
    if node.op != "call_module":
        node.target = OUT_OF_PLACE.get(node.target, node.target)
    if "inplace" in node.kwargs:
        node.update_kwarg("inplace", False)
