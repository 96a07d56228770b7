"""The entries of a .pt2 file: those of a network that torch.export.save has written, and no others."""

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.containers import open_zip, read_entry
from feedbackward.errors import InputError, listed
from feedbackward.text_files import parse_json

PROGRAM = "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
SAMPLE_INPUTS = "data/sample_inputs/model.pt"
_ENTRY = re.compile(
    rf"data/weights/weight_\d+|data/constants/tensor_\d+|{re.escape(WEIGHTS)}|{re.escape(CONSTANTS)}"
    rf"|{re.escape(PROGRAM)}|{re.escape(SAMPLE_INPUTS)}|extra/[\w.-]+\.json"
    r"|archive_format|archive_version|byteorder|version|\.data/version|\.data/serialization_id"
)
MOST_JSON = 2**27
"""The bytes that the JSON of a file may have in all: ten times those of the largest network."""

DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""The numbers of data types in a file."""


class Archive:
    """An open .pt2 file whose entries all belong to a network.

    Args:
        path: The file.

    Raises:
        InputError: If it is damaged, or has an entry that is not read as data: an object that would be unpickled, a
            library, a second model.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip = open_zip(path, most_compressed=MOST_JSON)
        names = self._zip.namelist()
        self._root = names[0].partition("/")[0] + "/" if names else ""
        own = [name.removeprefix(self._root) for name in names]
        if "serialized_exported_program.json" in names or "data/weights/model.pt" in own:
            raise InputError(f"{path} has the format of an older PyTorch; export the network again with PyTorch 2.9")
        if PROGRAM not in own:
            raise InputError(f"{path} is not a torch.export file: it contains no {PROGRAM}")
        if unknown := [name for name, entry in zip(names, own, strict=True) if not _is_known(name, entry, self._root)]:
            raise InputError(
                f"{path} was not loaded: it contains {listed(unknown, most=3)}, which an exported network does not "
                f"have and which could run code; export the network again"
            )
        if SAMPLE_INPUTS in own and self._zip.getinfo(self._root + SAMPLE_INPUTS).file_size:
            raise InputError(
                f"{path} was not loaded: it contains sample inputs, which are pickled and could run code; export the "
                f"network again"
            )

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def text(self, name: str) -> str | None:
        """Read an entry in UTF-8; None if there is none."""
        whole = self._root + name
        return read_entry(self._zip, whole).decode() if whole in self._zip.namelist() else None

    def json(self, name: str) -> dict[str, Any]:
        """Read an entry that contains a JSON object."""
        content = read_entry(self._zip, self._root + name)
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{self._path} is damaged: {name} is not UTF-8 text; export the network again") from error
        data = parse_json(text, f"{self._path}: {name}", advice="export the network again")
        if not isinstance(data, dict):
            raise InputError(f"{self._path} is damaged: {name} is not a JSON object")
        return data

    def tensors(self, table: str) -> dict[str, Tensor]:
        """Read the weights or the constants by name, those that share an entry as views of one storage."""
        folder = table.rpartition("/")[0]
        storages = dict[str, Tensor]()
        tensors = dict[str, Tensor]()
        for name, entry in self.json(table)["config"].items():
            if entry["use_pickle"] or not re.fullmatch(r"(weight|tensor)_\d+", entry["path_name"]):
                raise InputError(
                    f"{self._path} was not loaded: {name} is pickled and could run code; export the network again"
                )
            file = f"{folder}/{entry['path_name']}"
            if file not in storages:
                content = bytearray(read_entry(self._zip, self._root + file))
                storages[file] = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(0)
            tensors[name] = _view(storages[file], entry["tensor_meta"], name, self._path)
        return tensors


def _is_known(name: str, entry: str, root: str) -> bool:
    return name.startswith(root) and _ENTRY.fullmatch(entry) is not None


def _view(storage: Tensor, meta: dict[str, Any], name: str, path: Path) -> Tensor:
    dtype = DTYPES[meta["dtype"]]
    size, stride = ([_integer(length) for length in meta[key]] for key in ("sizes", "strides"))
    if math.prod(size) * dtype.itemsize > storage.nbytes or storage.nbytes % dtype.itemsize:
        shape = "x".join(map(str, size))
        raise InputError(f"{path} is damaged: {name} is {shape} of {dtype}, and the file has {storage.nbytes} bytes")
    return storage.view(dtype).as_strided(size, stride, _integer(meta["storage_offset"]))


def _integer(value: dict[str, Any]) -> int:
    number = value["as_int"]
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r} is not a size")
    return number
