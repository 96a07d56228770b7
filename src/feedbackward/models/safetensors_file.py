"""A safetensors file: its header is read and compared before memory is taken for its tensors."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from feedbackward.errors import InputError, one_line

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a file on the meta device: names, shapes and types without the data.

    Raises:
        InputError: If the file is damaged, or a tensor has a type that networks do not have.
    """
    declared = dict[str, Tensor]()
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - not a dictionary
                entry = file.get_slice(name)
                if (dtype := entry.get_dtype()) not in _DTYPES:
                    raise InputError(f"{path}: {name} is of type {dtype}; expected one of {', '.join(_DTYPES)}")
                declared[name] = torch.empty(entry.get_shape(), dtype=_DTYPES[dtype], device="meta")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a valid safetensors file: {one_line(error)}; copy it again") from error
    return declared


def read_tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        InputError: If the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a valid safetensors file: {one_line(error)}; copy it again") from error
