"""Adapters: what was trained on a frozen encoder, without the encoder's own weights.

An adapter is a safetensors file with the tensors of the decoder and the classifier, and of the encoder's norms if they
were trained. Its metadata describes the network, and recognizes the weights that it was trained on.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from feedbackward.adapters import SUFFIX
from feedbackward.errors import InputError, listed
from feedbackward.io import write_whole
from feedbackward.models.backbone import backbone_fingerprint, check_backbone, read_fingerprint
from feedbackward.models.safetensors_file import read_tensors_of
from feedbackward.models.tensors import COUNTER, first, mismatches
from feedbackward.text_files import parse_json

if TYPE_CHECKING:
    from feedbackward.models.feedbackward import Feedbackward

KEY = "feedbackward_adapter"
"""The key of the description in the metadata of an adapter."""
Dtype = Literal["float32", "float16"]


@dataclass(frozen=True)
class Adapter:
    """The content of an adapter's file.

    Args:
        description: The network, as in the config.json of a saved one.
        backbone: The fingerprint of the frozen weights.
        scores: Scores by title in percent, if known.
        tensors: What was trained, by the names of the network.
        path: The file, for messages.
    """

    description: dict[str, Any]
    backbone: str
    scores: dict[str, str]
    tensors: dict[str, Tensor]
    path: Path


def trained_tensors(network: "Feedbackward") -> dict[str, Tensor]:
    """The tensors of a network with a frozen encoder that its training changes, by name."""
    frozen = frozen_tensors(network).keys()
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not ((name.startswith("encoder.") and name.removeprefix("encoder.") in frozen) or name.endswith(COUNTER))
    }


def frozen_tensors(network: "Feedbackward") -> dict[str, Tensor]:
    """The tensors of the encoder that its training does not change, by the encoder's names."""
    norms = network.trained_norms()
    return {
        name: tensor
        for name, tensor in network.encoder.state_dict().items()
        if name.rpartition(".")[0] not in norms and not name.endswith(COUNTER)
    }


def fitting_dtype(network: "Feedbackward") -> Dtype:
    """The smallest precision that can hold what was trained."""
    fits = all(tensor.half().isfinite().all() for tensor in trained_tensors(network).values())
    return "float16" if fits else "float32"


def save_adapter(
    network: "Feedbackward",
    path: str | os.PathLike[str],
    *,
    dtype: Dtype = "float32",
    scores: Mapping[str, str] | None = None,
) -> None:
    """Write what was trained on the frozen encoder of a network.

    Args:
        network: The network.
        path: The file; it ends in .safetensors. An existing one is replaced.
        dtype: The precision of the tensors; "float16" halves the file.
        scores: Scores by title in percent, to be kept with it.

    Raises:
        InputError: If the encoder was trained too or has no name in timm, a value does not fit into float16, or the
            file cannot be written.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"{path}: expected a name that ends in {SUFFIX}")
    if dtype not in get_args(Dtype):
        raise InputError(f"dtype={dtype!r}: expected one of {', '.join(map(repr, get_args(Dtype)))}")
    config = network.config
    if not config["freeze_encoder"]:
        raise InputError(
            "an adapter contains what was trained on a frozen encoder, and this network's encoder was trained too: "
            "train with freeze_encoder=True, or save the whole network with save_pretrained"
        )
    if config["encoder_name"] is None:
        raise InputError(
            "an adapter finds its encoder by timm's name, and this network's encoder is a module of your own: save "
            "the whole network with save_pretrained"
        )
    trained = trained_tensors(network)
    stored = {name: tensor.detach().to("cpu", getattr(torch, dtype)).contiguous() for name, tensor in trained.items()}
    if infinite := [name for name, tensor in stored.items() if not tensor.isfinite().all()]:
        finite = all(tensor.isfinite().all() for tensor in trained.values())
        advice = "choose dtype='float32'" if finite else "the training has diverged: use a smaller learning rate"
        raise InputError(f"{listed(infinite, most=3)}: values that are not finite in {dtype}; {advice}")
    content = {
        "network": network.describe(),
        "backbone": backbone_fingerprint(frozen_tensors(network)),
        "scores": dict(scores or {}),
    }
    data = save(stored, metadata={KEY: json.dumps(content)})
    write_whole(path, lambda file: file.write(data))


def is_adapter(path: Path) -> bool:
    """Whether a path is the file of an adapter; a damaged one is not."""
    if not path.is_file():  # a pipe would block
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_adapter(path: str | os.PathLike[str]) -> Adapter:
    """Read the file of an adapter.

    Raises:
        InputError: If there is no such file, or it is damaged or not an adapter.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"no such file: {path}; expected an adapter that save_adapter has written")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            if text is None:
                raise InputError(
                    f"{path} is not an adapter: it has weights, but no description of a network; a file with an "
                    f"encoder's weights is given as encoder_weights or backbone"
                )
            content = _content(text, path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a valid safetensors file: {error}") from error
    return Adapter(content["network"], content["backbone"], content["scores"], read_tensors_of(path), path)


def _content(text: str, path: Path) -> dict[str, Any]:
    """The description in an adapter's metadata, as far as it is checked here."""
    try:
        content = parse_json(text, path, advice="save the adapter again")
        network = content["network"]
        kinds = (network, dict), (content["scores"], dict), (content["backbone"], str), (network["encoder_name"], str)
        valid = all(isinstance(value, kind) for value, kind in kinds) and network["freeze_encoder"] in (True, "weights")
        valid = valid and all(isinstance(score, str) for score in content["scores"].values())
        read_fingerprint(content["backbone"])
    except InputError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is a damaged adapter: its description cannot be read: {error!r}") from error
    if not valid:
        raise InputError(f"{path} is a damaged adapter: it does not describe a network with a frozen encoder")
    return dict(content)


def check_tensors(network: "Feedbackward", adapter: Adapter) -> None:
    """Check that an adapter has the tensors of a network, which may be on the meta device.

    Raises:
        InputError: If some are missing, of another shape or type, or not the network's.
    """
    expected = trained_tensors(network)
    problems = mismatches(expected, adapter.tensors)
    if unknown := adapter.tensors.keys() - expected.keys():
        problems.append(f"{len(unknown)} that it does not have ({first(unknown)})")
    if problems:
        raise InputError(f"{adapter.path} does not fit the network that it describes: {'; '.join(problems)}")


def fill(network: "Feedbackward", adapter: Adapter) -> None:
    """Fill a network, whose encoder has its weights, with the tensors of an adapter.

    Raises:
        InputError: If the encoder has other weights than those that the adapter was trained on.
    """
    try:
        check_backbone(frozen_tensors(network), adapter.backbone)
    except InputError as error:
        name = network.config["encoder_name"]
        raise InputError(
            f"{adapter.path} was trained on other weights of {name} than these: {error}; give the file of its "
            f"backbone, backbone=FILE"
        ) from error
    network.load_state_dict(adapter.tensors, strict=False)
