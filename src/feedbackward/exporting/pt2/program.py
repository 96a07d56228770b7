"""The computation of a .pt2 file, run one operation after another; only known operations are called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.exporting.pt2.archive import DTYPES
from feedbackward.exporting.pt2.operations import SIZES, find_operation

LAYOUTS = {7: torch.strided}
MEMORY_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
MOST = 2**63
"""Integers of a graph are smaller: sizes of images, and what is computed from them."""


@dataclass(frozen=True)
class Value:
    """The value of that name, computed before."""

    name: str


@dataclass(frozen=True)
class Step:
    """A call of an operation.

    Args:
        function: The operation.
        positional: Its arguments: constants, values, or lists of both.
        named: Those that have names.
        outputs: The names of what it returns; None where that is not used, a list for a list.
        last: The values that no later step reads.
    """

    function: Callable[..., Any]
    positional: tuple[Any, ...]
    named: dict[str, Any]
    outputs: list[Any]
    last: tuple[str, ...] = ()

    @property
    def reads(self) -> list[str]:
        """The names of the values that it reads."""
        return _names([*self.positional, *self.named.values()])


class Program:
    """A function of one tensor.

    Args:
        program: The content of the file's models/model.json.
        weights: The tensors of the file by name.
        constants: Its constant tensors.
        path: The file, for messages.

    Attributes:
        outputs: The names of its outputs.

    Raises:
        InputError: If an operation is not one of exported networks.
        ValueError, TypeError, LookupError, AttributeError: If the program has another form than torch.export writes.
    """

    def __init__(
        self,
        program: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        constants: Mapping[str, Tensor],
        *,
        path: Path,
    ) -> None:
        module = program["graph_module"]
        graph = module["graph"]
        self._tensors = dict[str, Tensor]()
        images = []
        for spec in module["signature"]["input_specs"]:
            kind, content = _only(spec)
            name = _only(content["arg"])[1]["name"] if kind == "user_input" else content["arg"]["name"]
            if kind == "user_input":
                images.append(name)
            elif kind in ("parameter", "buffer"):
                stored = weights if content.get("persistent", True) else constants
                self._tensors[name] = stored[content[f"{kind}_name"]]
            elif kind == "tensor_constant":
                self._tensors[name] = constants[content["tensor_constant_name"]]
            else:
                raise ValueError(f"an input of kind {kind}")
        (self._image,) = images
        self.outputs = [_only(output)[1]["name"] for output in graph["outputs"]]
        known = {*self._tensors, self._image}
        steps = [_step(node, known, path) for node in graph["nodes"]]
        if missing := [name for name in self.outputs if name not in known]:
            raise ValueError(f"its output {missing[0]} is never computed")
        self._steps = _with_last_uses(steps, keep={*self._tensors, *self.outputs})

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Run it on images (N, C, H, W) and return its outputs in order."""
        values: dict[str, Any] = {**self._tensors, self._image: image}
        for step in self._steps:
            positional = [_resolved(value, values) for value in step.positional]
            named = {name: _resolved(value, values) for name, value in step.named.items()}
            result = step.function(*positional, **named)
            _store(step.outputs, result, values)
            for name in step.last:
                del values[name]
        return [values[name] for name in self.outputs]


def _step(node: Mapping[str, Any], known: set[str], path: Path) -> Step:
    """A node as a step; adds the names of its outputs to those that are known."""
    arguments = [(argument["name"], _argument(argument["arg"])) for argument in node["inputs"]]
    outputs = [_output(output) for output in node["outputs"]]
    if len(outputs) == 1 and isinstance(outputs[0], list):
        (outputs,) = outputs
    function = find_operation(node["target"], path)
    if node["target"] in SIZES:
        positional = tuple(_number(value) for _, value in arguments)
        step = Step(function, positional, {}, outputs)
    else:
        step = Step(function, (), dict(arguments), outputs)
    if unknown := [name for name in step.reads if name not in known]:
        raise ValueError(f"{node['target']} reads {unknown[0]}, which was not computed before")
    known.update(_output_names(outputs))
    return step


def _with_last_uses(steps: Sequence[Step], *, keep: set[str]) -> list[Step]:
    seen, done = set(keep), list[Step]()
    for step in reversed(steps):
        used = {*step.reads, *_output_names(step.outputs)}
        done.append(replace(step, last=tuple(used - seen)))
        seen |= used
    return done[::-1]


def _argument(argument: Mapping[str, Any]) -> Any:
    kind, value = _only(argument)
    match kind:
        case "as_none":
            return None
        case "as_tensor":
            return Value(value["name"])
        case "as_tensors":
            return [Value(each["name"]) for each in value]
        case "as_optional_tensors":
            return [_argument(each) for each in value]
        case "as_optional_tensor" | "as_sym_int" | "as_sym_float" | "as_sym_bool":
            return _argument(value)
        case "as_name":
            return Value(_plain(value, str))
        case "as_sym_ints" | "as_sym_floats" | "as_sym_bools":
            return [_argument(each) for each in value]
        case "as_int":
            return _integer(value)
        case "as_ints":
            return [_integer(each) for each in value]
        case "as_float":
            return _float(value)
        case "as_floats":
            return [_float(each) for each in value]
        case "as_bool":
            return _plain(value, bool)
        case "as_bools":
            return [_plain(each, bool) for each in value]
        case "as_string":
            return _plain(value, str)
        case "as_scalar_type":
            return DTYPES[value]
        case "as_memory_format":
            return MEMORY_FORMATS[value]
        case "as_layout":
            return LAYOUTS[value]
        case "as_device" if value["type"] == "cpu":
            return torch.device("cpu")
    raise ValueError(f"an argument of kind {kind}")


def _output(argument: Mapping[str, Any]) -> Any:
    kind, value = _only(argument)
    match kind:
        case "as_none":
            return None
        case "as_tensor":
            return _plain(value["name"], str)
        case "as_tensors":
            return [_plain(each["name"], str) for each in value]
        case "as_sym_int" | "as_sym_float" | "as_sym_bool":
            return _plain(value["as_name"], str)
    raise ValueError(f"an output of kind {kind}")


def _resolved(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Value):
        return values[value.name]
    if isinstance(value, list):
        return [_resolved(each, values) for each in value]
    return value


def _store(outputs: list[Any], result: Any, values: dict[str, Any]) -> None:
    if len(outputs) == 1 and not isinstance(result, tuple | list):
        result = [result]
    for output, each in zip(outputs, result or (), strict=True):
        if isinstance(output, list):
            _store(output, each, values)
        elif output is not None:
            if type(each) is int and not -MOST < each < MOST:
                raise ValueError(f"{output} is an integer of {each.bit_length()} bits, which is not a size")
            values[output] = each


def _names(value: Any) -> list[str]:
    """The names of the values in an argument."""
    if isinstance(value, Value):
        return [value.name]
    return [name for each in value for name in _names(each)] if isinstance(value, list) else []


def _output_names(outputs: list[Any]) -> list[str]:
    names = list[str]()
    for output in outputs:
        names += _output_names(output) if isinstance(output, list) else [output] if output is not None else []
    return names


def _only(union: Mapping[str, Any]) -> tuple[str, Any]:
    """The single key of an object and its value."""
    ((kind, value),) = union.items()
    return kind, value


def _plain(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} where a {kind.__name__} is expected")
    return value


def _number(value: Any) -> Any:
    """An argument of an operation on sizes; a list or text could fill the memory."""
    if not isinstance(value, Value | int | float):
        raise TypeError(f"{value!r} where a number is expected")
    return value


def _integer(value: Any) -> int:
    number: int = _plain(value, int)
    if not -MOST < number < MOST:
        raise ValueError(f"an integer of {number.bit_length()} bits")
    return number


def _float(value: Any) -> float:
    return float(value if value in ("Infinity", "-Infinity", "NaN") else _plain(value, float))
