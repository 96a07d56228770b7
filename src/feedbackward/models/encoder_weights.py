"""An encoder's weights from a local file, whichever program wrote it.

Only the encoder's own tensors are needed. They are found under any prefix and in any nested dictionary, such as
"state_dict", "module.", "backbone." or "network.encoder.", and read without running code.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
from timm.models import adapt_input_conv, load_state_dict
from torch import Tensor, nn

from feedbackward.errors import InputError, listed
from feedbackward.models.tensors import COUNTER, mismatches

SAVED_WEIGHTS = "model.safetensors"
"""The weights in the folder of a saved network, ours or timm's."""
RGB = 3


Names = Callable[[str], bool]
"""Some of the names of tensors."""


def no_name(name: str) -> bool:  # noqa: ARG001
    """None of the names."""
    return False


def load_encoder_weights(
    module: nn.Module, path: str | os.PathLike[str], *, name: str, in_channels: int, optional: Names = no_name
) -> None:
    """Fill a module with the tensors of a file; a first layer for RGB is adapted to other numbers of channels.

    Args:
        module: One of timm's encoders, or what a network has kept of it under the same names.
        path: A .safetensors file, one that torch.save has written, a checkpoint, or the folder of a saved network.
        name: timm's name of the encoder.
        in_channels: The number of image channels of the module.
        optional: The tensors that the file need not contain; it contains all or none of them.

    Raises:
        InputError: If there is no such file, it is damaged or could run code, or tensors are missing or of another
            shape; the message names them.
    """
    tensors = _read(Path(path))
    expected = {key: value for key, value in module.state_dict().items() if not key.endswith(COUNTER)}
    try:
        found = _fitting(tensors, expected, name=name, in_channels=in_channels, optional=optional)
    except InputError as error:
        raise InputError(
            f"encoder_weights: {str(path)!r} does not contain weights of timm's {name!r}: {error}; give a file that "
            f"was saved from that encoder"
        ) from error
    module.load_state_dict(found, strict=False)


def _fitting(
    tensors: dict[str, Tensor], expected: dict[str, Tensor], *, name: str, in_channels: int, optional: Names
) -> dict[str, Tensor]:
    """The tensors of a file that are expected, under their expected names; an InputError if any does not fit."""

    def select(available: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        found = _without_prefix(available, expected)
        all_of_them = any(key in expected and optional(key) for key in found)
        wanted = {key: value for key, value in expected.items() if all_of_them or not optional(key)}
        adapted = {key: _adapted(tensor, wanted.get(key), in_channels) for key, tensor in found.items()}
        return {key: adapted[key] for key in wanted.keys() & adapted.keys()}, mismatches(wanted, adapted)

    found, problems = select(tensors)
    if problems:
        try:
            found, remaining = select(_converted(name, tensors))
        except Exception as error:  # timm's conversions fail in many ways on a file that they were not made for
            raise InputError("; ".join(problems)) from error
        if remaining:
            raise InputError("; ".join(remaining))
    return found


def _converted(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as timm converts those of the original authors; the file must have the classifier, too."""
    state: dict[str, Tensor] = timm.create_model(
        name, pretrained=True, pretrained_cfg_overlay={"state_dict": dict(tensors)}
    ).state_dict()
    return state


def _adapted(tensor: Tensor, expected: Tensor | None, in_channels: int) -> Tensor:
    """A filter for RGB images as one for in_channels, with timm's rule; any other tensor is returned unchanged."""
    if expected is None or tensor.ndim != 4 or tensor.shape == expected.shape:
        return tensor
    if tensor.shape[1] != RGB or expected.shape[1] != in_channels or tensor.shape[::2] != expected.shape[::2]:
        return tensor
    adapted: Tensor = adapt_input_conv(in_channels, tensor)
    return adapted


def _without_prefix(tensors: dict[str, Tensor], expected: Mapping[str, object]) -> dict[str, Tensor]:
    """The tensors under the prefix that leaves the most expected names."""
    hits: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        names = {".".join(parts[at:]) for at in range(len(parts))}
        hits.update(name.removesuffix(known) for known in names & expected.keys())
    most = max(hits.values(), default=0)
    prefixes = [prefix for prefix, count in hits.items() if count == most]
    if len(prefixes) > 1 and most == len(expected):
        raise InputError(f"it contains several such encoders, at {listed(map(repr, prefixes))}; save one of them alone")
    prefix = prefixes[0] if prefixes else ""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, nested names joined with dots."""
    file = path / SAVED_WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            f"encoder_weights: no file {str(file)!r}; give a file of weights (.safetensors, .pth, .ckpt) or the folder "
            f"of a saved network, 'imagenet' for timm's pretrained weights, or None for random ones"
        )
    try:
        content = load_state_dict(str(file))
    except Exception as error:  # a damaged file can raise anything
        if isinstance(error.__cause__, UnpicklingError):
            raise InputError(
                f"encoder_weights: {str(file)!r} was not loaded: it is damaged, or contains more than tensors and "
                f"plain data and could run code; save only the tensors: torch.save(encoder.state_dict(), FILE)"
            ) from error
        raise InputError(f"encoder_weights: {str(file)!r} is not a valid file of weights: {error!r}") from error
    return _flat(content)


def _flat(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if isinstance(value, Tensor):
            tensors[str(key)] = value
        elif isinstance(value, Mapping):
            tensors |= {f"{key}.{inner}": tensor for inner, tensor in _flat(value).items()}
    return tensors
