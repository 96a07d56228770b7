"""`load_network`: a trained network from a saved folder, a checkpoint, an adapter or the hub.

A saved folder and a repository on the hub contain config.json and model.safetensors; a checkpoint contains both in one
file.
"""

import re
from pathlib import Path

from feedbackward.adapters import SUFFIX as ADAPTER_SUFFIX
from feedbackward.adapters import is_packaged, list_adapters
from feedbackward.errors import InputError
from feedbackward.models.adapted import load_adapter
from feedbackward.models.adapter import is_adapter
from feedbackward.models.checkpoint import CHECKPOINT_SUFFIX, load_checkpoint
from feedbackward.models.hub import from_pretrained
from feedbackward.models.network import CONFIG_FILE, WEIGHTS_FILE, SegmentationNetwork

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def load_network(model: str | Path, *, backbone: str | Path | None = None) -> SegmentationNetwork:
    """Load a trained network, on the CPU and in evaluation mode.

    Args:
        model: A folder that save_pretrained wrote, a checkpoint (.ckpt) of `feedbackward fit`, an adapter, by its file
            or a name of list_adapters(), or the id of a network on the Hugging Face hub, such as
            "someone/camvid-mobilenet". A path that exists takes precedence.
        backbone: The weights of an adapter's encoder; see load_adapter.

    Raises:
        InputError: If there is no such model, or it is not a network of this library: a file of another kind, a
            truncated one, one that could run code, or one whose tensors do not match its configuration.

    Example:
        >>> load_network("runs/camvid/checkpoints/best.ckpt")  # doctest: +SKIP
    """
    path = Path(model)
    is_file = path.is_file() and path.suffix == ADAPTER_SUFFIX
    if is_packaged(str(model)) or (is_file and (is_adapter(path) or not path.with_name(CONFIG_FILE).exists())):
        return load_adapter(model, backbone=backbone)
    if backbone is not None:
        raise InputError(f"{model} contains its encoder; omit the backbone, which is for adapters")
    if path.is_dir():
        network = _load_folder(path)
    elif path.is_file():
        network = load_checkpoint(path)
    elif isinstance(model, str) and _HUB_ID.fullmatch(model) and path.suffix not in (CHECKPOINT_SUFFIX, ".safetensors"):
        network = _load_from_hub(model)
    else:
        raise InputError(
            f"no such model: {model}; expected a folder with config.json and model.safetensors, a training "
            f"checkpoint ({CHECKPOINT_SUFFIX}), an adapter ({ADAPTER_SUFFIX}){_packaged()}, or a hub id such as "
            f"someone/camvid-mobilenet"
        )
    return network.eval()


def _packaged() -> str:
    return "".join(f" or {name}" for name in list_adapters())


def _load_from_hub(model: str) -> SegmentationNetwork:
    owner = model.split("/")[0]
    if Path(owner).is_dir():
        raise InputError(
            f"no such folder or file: {model}; the hub is not queried: {owner}/ is a local directory. Give the path of "
            f"a saved network or a checkpoint, or run where there is no directory {owner}"
        )
    try:
        return from_pretrained(model)
    except InputError as error:
        raise InputError(f"no such folder or file: {model}; as a hub id: {error}") from error


def _load_folder(folder: Path) -> SegmentationNetwork:
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing:
        nearby = [path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth)]
        saved = [path.parent for path in nearby if path.name == WEIGHTS_FILE]
        saved += [path for path in nearby if path.suffix == CHECKPOINT_SUFFIX]
        hint = f"; did you mean {saved[0]}?" if saved else ""
        raise InputError(
            f"{folder} is not a saved network: {' and '.join(missing)} missing; expected a folder that save_pretrained "
            f"wrote{hint}"
        )
    return from_pretrained(folder)
