"""The trained network behind a path or a hub id, ready to predict.

A saved folder and a hub id hold config.json and model.safetensors; a training checkpoint holds the same in one file.
"""

import re
from pathlib import Path

from torch import Tensor

from feedbackward.errors import InputError, listed
from feedbackward.exporting import ExportedNetwork, load_exported
from feedbackward.exporting.exported import is_exported
from feedbackward.models import Feedbackward, SegmentationNetwork, from_pretrained
from feedbackward.models.checkpoint import CHECKPOINT_SUFFIX, read_checkpoint
from feedbackward.models.hub import build_described
from feedbackward.models.network import CONFIG_FILE, WEIGHTS_FILE
from feedbackward.models.optimized import OptimizedNetwork, optimize

NETWORK_PREFIX = "network."
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def load_network(model: str | Path) -> SegmentationNetwork:
    """Load a trained network and put it into eval mode, on the CPU.

    Args:
        model: A folder that save_pretrained wrote, a checkpoint (.ckpt) that `feedbackward fit` wrote, or the
            id of a network on the Hugging Face hub, such as "someone/camvid-mobilenet". A path that exists
            comes first.

    Raises:
        InputError: If there is nothing under that name, or what is there is no network of this library:
            another kind of file, a truncated one, one that would run code, or one whose tensors do not fit
            its configuration.

    Example:
        >>> load_network("runs/camvid/checkpoints/best.ckpt")  # doctest: +SKIP
    """
    path = Path(model)
    if path.is_dir():
        network = _load_folder(path)
    elif path.is_file() and is_exported(path):
        raise InputError(f"{path} is an exported file; give the folder or checkpoint of the network it was made from")
    elif path.is_file():
        network = load_checkpoint(path)
    elif isinstance(model, str) and _HUB_ID.fullmatch(model) and path.suffix not in (CHECKPOINT_SUFFIX, ".safetensors"):
        network = _load_from_hub(model)
    else:
        raise InputError(
            f"no such model: {model}; expected a folder with config.json and model.safetensors, a training "
            f"checkpoint ({CHECKPOINT_SUFFIX}) or a hub id such as someone/camvid-mobilenet"
        )
    return network.eval()


def load_any(model: str | Path) -> SegmentationNetwork | OptimizedNetwork | ExportedNetwork:
    """Load what load_network loads, optimized where it can be, or open a file that `feedbackward export` wrote.

    Raises:
        InputError: As load_network and load_exported.
    """
    path = Path(model)
    if is_exported(path) and not path.is_dir():
        return load_exported(path)
    network = load_network(model)
    return optimize(network) if isinstance(network, Feedbackward) else network


def _load_from_hub(model: str) -> SegmentationNetwork:
    owner = model.split("/")[0]
    if Path(owner).is_dir():
        raise InputError(
            f"there is no folder or file {model} here, and as {owner} is a folder here the hub was not asked for it; "
            f"give the path of a saved network or a checkpoint, or run where no folder has the name {owner}"
        )
    try:
        return from_pretrained(model)
    except InputError as error:
        raise InputError(f"there is no folder or file {model} here, and as the name of a network: {error}") from error


def _load_folder(folder: Path) -> SegmentationNetwork:
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing:
        saved = [path.parent for path in folder.rglob(WEIGHTS_FILE)] + list(folder.rglob(f"*{CHECKPOINT_SUFFIX}"))
        hint = f"; did you mean {saved[0]}?" if saved else ""
        raise InputError(
            f"{folder} is no saved network: {' and '.join(missing)} missing; expected what save_pretrained writes{hint}"
        )
    return from_pretrained(folder)


def load_checkpoint(path: Path) -> SegmentationNetwork:
    """Rebuild the network of a training checkpoint from its stored configuration and tensors.

    Raises:
        InputError: If the file is not a checkpoint of `feedbackward fit`, is damaged, or would run code.
    """
    if path.suffix == ".safetensors" or path.name == CONFIG_FILE:
        raise InputError(f"{path} is one file of a saved network; give its folder: {path.parent}")
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
    problems = []
    if missing := expected.keys() - tensors.keys():
        problems.append(f"{len(missing)} tensors missing ({_first(missing)})")
    if unexpected := tensors.keys() - expected.keys():
        problems.append(f"{len(unexpected)} unexpected ({_first(unexpected)})")
    other = {name for name in expected.keys() & tensors.keys() if expected[name].shape != tensors[name].shape}
    if other:
        problems.append(f"{len(other)} of another shape ({_first(other)})")
    if problems:
        raise InputError(
            f"the tensors of {path} do not fit the network of its configuration: {', '.join(problems)}; it "
            f"may come from another version of feedbackward"
        )
    network.load_state_dict(tensors)


def _first(names: set[str]) -> str:
    return listed(sorted(names), most=3)
