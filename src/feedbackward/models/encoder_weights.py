"""An encoder's weights from a file or a repository on the hub, whichever program wrote them.

Only the encoder's own tensors are needed. They are found under any prefix and in any nested dictionary, such as
"state_dict", "module.", "backbone." or "network.encoder.".
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import timm
from timm.models import adapt_input_conv
from torch import Tensor, nn

from feedbackward.errors import InputError, listed
from feedbackward.models.tensors import COUNTER, first, mismatches
from feedbackward.models.weight_files import read_tensors

RGB = 3

_log = logging.getLogger(__name__)


Names = Callable[[str], bool]
"""Some of the names of tensors."""


def no_name(name: str) -> bool:  # noqa: ARG001
    """None of the names."""
    return False


def load_encoder_weights(
    module: nn.Module, source: str | os.PathLike[str], *, name: str, in_channels: int, optional: Names = no_name
) -> None:
    """Fill a module with the tensors of a file; a first layer for RGB is adapted to other numbers of channels.

    The log gets one line (level INFO) that counts the tensors that were loaded and those that were not used.

    Args:
        module: One of timm's encoders, or what a network has kept of it under the same names.
        source: A .safetensors file, one that torch.save has written, a checkpoint, the folder of a saved network, or
            the id of a repository on the hub.
        name: timm's name of the encoder.
        in_channels: The number of image channels of the module.
        optional: The tensors that the file need not contain; it contains all or none of them.

    Raises:
        InputError: If there is no such file, it is damaged or could run code, or tensors are missing or of another
            shape; the message names them.
    """
    tensors = read_tensors(source)
    expected = {key: value for key, value in module.state_dict().items() if not key.endswith(COUNTER)}
    try:
        found, left, how = _fitting(tensors, expected, name=name, in_channels=in_channels, optional=optional)
    except InputError as error:
        raise InputError(
            f"encoder_weights: {os.fspath(source)!r} does not contain weights of timm's {name!r}: {error}; give a file "
            f'with the weights of the whole encoder; a network with retrace="stages" may lack its last layer'
        ) from error
    module.load_state_dict(found, strict=False)
    initial = expected.keys() - found.keys()
    counts = [f"encoder weights: {len(found)} tensors loaded from {os.fspath(source)}{how}"]
    counts += [f"{len(left)} others not used ({first(left)})"] if left else []
    counts += [f"{len(initial)} that are missing keep their initial values ({first(initial)})"] if initial else []
    _log.info("; ".join(counts))


def _fitting(
    tensors: dict[str, Tensor], expected: dict[str, Tensor], *, name: str, in_channels: int, optional: Names
) -> tuple[dict[str, Tensor], list[str], str]:
    """The tensors of a file that are expected, under their expected names, the names of the others, and what was done.

    Raises:
        InputError: If any does not fit.
    """

    def select(available: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str], list[str]]:
        prefix = _prefix(available, expected)
        found = {key.removeprefix(prefix): value for key, value in available.items() if key.startswith(prefix)}
        all_of_them = any(key in expected and optional(key) for key in found)
        wanted = {key: value for key, value in expected.items() if all_of_them or not optional(key)}
        adapted = {key: _adapted(tensor, wanted.get(key), in_channels) for key, tensor in found.items()}
        used = wanted.keys() & adapted.keys()
        left = available.keys() - {f"{prefix}{key}" for key in used}
        return {key: adapted[key] for key in used}, [*left], mismatches(wanted, adapted)

    found, left, problems = select(tensors)
    how = ""
    if problems:
        how = ", renamed as timm does it"
        try:
            found, left, remaining = select(_converted(name, tensors))
        except Exception as error:  # timm's conversions fail in many ways on a file that they were not made for
            raise InputError("; ".join(problems)) from error
        if remaining:
            raise InputError("; ".join(remaining))
    return found, [key for key in left if not key.endswith(COUNTER)], how


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


def _prefix(tensors: Iterable[str], expected: Mapping[str, object]) -> str:
    """The prefix that leaves the most expected names."""
    hits: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        names = {".".join(parts[at:]) for at in range(len(parts))}
        hits.update(name.removesuffix(known) for known in names & expected.keys())
    most = max(hits.values(), default=0)
    prefixes = [prefix for prefix, count in hits.items() if count == most]
    if len(prefixes) > 1 and most == len(expected):
        raise InputError(f"it contains several such encoders, at {listed(map(repr, prefixes))}; save one of them alone")
    return prefixes[0] if prefixes else ""
