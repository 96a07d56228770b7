"""Reading the tensors of a file of weights, or of a repository on the hub, without running code."""

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
from timm.models import load_state_dict
from torch import Tensor

from feedbackward.containers import check_sums
from feedbackward.errors import InputError, is_out_of_memory
from feedbackward.hub_files import WEIGHTS_FILE, hub_errors, split_revision, why
from feedbackward.models.tensors import check_stored

TORCH_WEIGHTS = "pytorch_model.bin"
"""The weights of older repositories on the hub."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")


def read_tensors(source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file, those in nested dictionaries by names joined with dots.

    Args:
        source: A .safetensors file, one that torch.save has written, a checkpoint, the folder of a saved network, or
            the id of a repository on the hub: OWNER/NAME or OWNER/NAME@REVISION.

    Raises:
        InputError: If there is no such file or repository, or it is damaged or could run code.
    """
    path = Path(source)
    file = path / WEIGHTS_FILE if path.is_dir() else path
    name = os.fspath(source)
    if not path.exists() and _HUB_ID.fullmatch(name) and path.suffix not in _SUFFIXES:
        file = _from_hub(name)
    if file.is_file():
        return _read(file)
    raise InputError(
        f"encoder_weights: no file {str(file)!r}; give a file of weights (.safetensors, .pth, .ckpt), the folder of a "
        f"saved network or the id of a repository on the hub, 'imagenet' for timm's pretrained weights, or None for "
        f"random ones"
    )


def _read(file: Path) -> dict[str, Tensor]:
    try:
        if zipfile.is_zipfile(file):
            check_sums(file)
        content = load_state_dict(str(file), weights_only=True)
        check_stored(content, file)
        return _flat(content)
    except InputError as error:
        raise InputError(f"encoder_weights: {error}") from error
    except Exception as error:  # a damaged file can raise anything
        if is_out_of_memory(error):
            raise
        if isinstance(error.__cause__, UnpicklingError):
            raise InputError(
                f"encoder_weights: {str(file)!r} was not loaded: it is damaged, or contains more than tensors and "
                f"plain data and could run code; save only the tensors: torch.save(encoder.state_dict(), FILE)"
            ) from error
        raise InputError(f"encoder_weights: {str(file)!r} is not a valid file of weights: {error!r}") from error


def _from_hub(name: str) -> Path:
    """The file of weights of a repository, from the hub or its cache."""
    repository, revision = split_revision(name)
    try:
        try:
            return Path(hf_hub_download(repository, WEIGHTS_FILE, revision=revision))
        except EntryNotFoundError:
            return Path(hf_hub_download(repository, TORCH_WEIGHTS, revision=revision))
    except hub_errors() as error:
        raise InputError(
            f"encoder_weights: {name!r} is neither a file or folder nor a repository that the hub could provide "
            f"({why(error)}); give a file of weights, or the id of a repository with {WEIGHTS_FILE}"
        ) from error


def _flat(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if isinstance(value, Tensor):
            tensors[str(key)] = value
        elif isinstance(value, Mapping):
            tensors |= {f"{key}.{inner}": tensor for inner, tensor in _flat(value).items()}
    return tensors
