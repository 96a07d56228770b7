"""Training checkpoints, read safely: tensors and plain data, no code.

torch's restricted unpickler refuses everything else; see torch.load(weights_only=True).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.containers import check_sums
from feedbackward.errors import InputError, is_out_of_memory, listed, one_line
from feedbackward.hub_files import CONFIG_FILE
from feedbackward.models.description import network_options
from feedbackward.models.hub import build_filled
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.tensors import check_stored

CHECKPOINT_SUFFIX = ".ckpt"
NETWORK_PREFIX = "network."
"""The prefix of the network's tensors, an attribute of the LightningModule."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of `feedbackward fit` to the CPU.

    Returns:
        Lightning's checkpoint, with "state_dict" and, under "feedbackward", the "network" as
        SegmentationNetwork.describe() returned it.

    Raises:
        InputError: If the file is missing, truncated or damaged, could run code or fill the memory, or comes from
            another program.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .ckpt file that `feedbackward fit` wrote")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"PK\x03\x04":
        raise InputError(
            f"{path} is not a checkpoint (its first bytes are {magic!r}); give one that `feedbackward fit` wrote"
        )
    check_sums(path)
    checkpoint = _load(path)
    check_stored(checkpoint, path)
    ours = checkpoint.get("feedbackward") if isinstance(checkpoint, dict) else None
    if not (isinstance(ours, dict) and "network" in ours and "state_dict" in checkpoint):
        keys = sorted(map(str, checkpoint)) if isinstance(checkpoint, dict) else [f"a {type(checkpoint).__name__}"]
        raise InputError(
            f"{path} is a checkpoint of another program: expected the keys 'feedbackward' and 'state_dict', found "
            f"{listed(keys, most=3)}; give one that `feedbackward fit` wrote"
        )
    state = checkpoint["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"{path} is damaged: its state_dict is not a table of tensors; copy it again")
    network_options(ours["network"], source=path)
    return dict(checkpoint)


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        if is_out_of_memory(error):
            raise
        if code := _code(path):
            raise InputError(
                f"{path} was not loaded: it contains more than tensors and plain data and could run code: "
                f"{listed(code, most=3)}; give one that `feedbackward fit` wrote"
            ) from error
        raise InputError(f"{path} is not a valid checkpoint: {one_line(error)}; copy it again") from error


def _code(path: Path) -> list[str]:
    """The functions that a checkpoint would call, other than those that build tensors."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the pickle is damaged, which the caller reports
        return []


def load_checkpoint(path: Path) -> SegmentationNetwork:
    """Build the network of a training checkpoint from its configuration and tensors.

    Raises:
        InputError: If the file is not a checkpoint of `feedbackward fit`, is damaged, or could run code.
    """
    if path.suffix == ".safetensors" or path.name == CONFIG_FILE:
        raise InputError(f"{path} is a single file of a saved network; give its folder: {path.parent}")
    checkpoint = read_checkpoint(path)
    tensors = {
        name.removeprefix(NETWORK_PREFIX): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(NETWORK_PREFIX)
    }
    description = checkpoint["feedbackward"]["network"]
    return build_filled(description, tensors, lambda: tensors, source=path, weights=path)
