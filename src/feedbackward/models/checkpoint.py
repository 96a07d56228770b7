"""Training checkpoints, read safely: tensors and plain data, no code.

torch's restricted unpickler refuses everything else; see torch.load(weights_only=True).
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from feedbackward.errors import InputError, listed
from feedbackward.models.hub import build_described, check_format
from feedbackward.models.network import CONFIG_FILE, SegmentationNetwork
from feedbackward.models.tensors import first, mismatches

CHECKPOINT_SUFFIX = ".ckpt"
NETWORK_PREFIX = "network."
"""The prefix of the network's tensors, an attribute of the LightningModule."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of `feedbackward fit` to the CPU.

    Returns:
        Lightning's checkpoint, with "state_dict" and, under "feedbackward", the "network" as
        SegmentationNetwork.describe() returned it.

    Raises:
        InputError: If the file is missing, truncated or damaged, could run code, or comes from another program.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .ckpt file that `feedbackward fit` wrote")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"PK\x03\x04":
        raise InputError(
            f"{path} is not a checkpoint (its first bytes are {magic!r}); give one that `feedbackward fit` wrote"
        )
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is truncated: its end is missing; copy or download it again")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = listed(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path)), most=3)
        raise InputError(
            f"{path} was not loaded: it contains more than tensors and plain data and could run code: "
            f"{code}; give one that `feedbackward fit` wrote"
        ) from error
    except RuntimeError as error:
        raise InputError(f"{path} is not a valid checkpoint: {error}") from error
    if not isinstance(checkpoint, dict):
        raise InputError(
            f"{path} contains a {type(checkpoint).__name__}; give a checkpoint that `feedbackward fit` wrote"
        )
    ours = checkpoint.get("feedbackward")
    if not isinstance(ours, dict) or "state_dict" not in checkpoint:
        raise InputError(
            f"{path} is a checkpoint of another program: expected the keys 'feedbackward' and 'state_dict', "
            f"found {listed(sorted(map(str, checkpoint)), most=3)}; give one that `feedbackward fit` wrote"
        )
    network = ours.get("network", {})
    check_format(network.get("format", 1), source=path)
    return checkpoint


def load_checkpoint(path: Path) -> SegmentationNetwork:
    """Build the network of a training checkpoint from its configuration and tensors.

    Raises:
        InputError: If the file is not a checkpoint of `feedbackward fit`, is damaged, or could run code.
    """
    if path.suffix == ".safetensors" or path.name == CONFIG_FILE:
        raise InputError(f"{path} is a single file of a saved network; give its folder: {path.parent}")
    checkpoint = read_checkpoint(path)
    network = build_described(checkpoint["feedbackward"]["network"], source=path)
    tensors = {
        name.removeprefix(NETWORK_PREFIX): tensor
        for name, tensor in checkpoint["state_dict"].items()
        if name.startswith(NETWORK_PREFIX)
    }
    _fill(network, tensors, path)
    return network


def _fill(network: SegmentationNetwork, tensors: dict[str, Tensor], path: Path) -> None:
    expected = network.state_dict()
    problems = mismatches(expected, tensors)
    if unexpected := tensors.keys() - expected.keys():
        problems.append(f"{len(unexpected)} unexpected ({first(unexpected)})")
    if problems:
        raise InputError(
            f"the tensors of {path} do not match the network of its configuration: {', '.join(problems)}; it "
            f"may come from another version of feedbackward"
        )
    network.load_state_dict(tensors)
