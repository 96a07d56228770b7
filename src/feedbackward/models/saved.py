"""`load_network`: a trained network from a saved folder, a checkpoint, an adapter or the hub.

A saved folder and a repository on the hub contain config.json and model.safetensors; a checkpoint contains both in one
file.
"""

from pathlib import Path

from feedbackward.adapters import SUFFIX as ADAPTER_SUFFIX
from feedbackward.adapters import find_adapter, is_packaged, list_adapters
from feedbackward.errors import InputError
from feedbackward.hub_files import ADAPTER_FILE, CONFIG_FILE, WEIGHTS_FILE, fetch, is_hub_id
from feedbackward.models.adapted import has_adapter, load_adapter
from feedbackward.models.adapter import is_adapter
from feedbackward.models.checkpoint import CHECKPOINT_SUFFIX, load_checkpoint
from feedbackward.models.hub import from_pretrained
from feedbackward.models.network import SegmentationNetwork

EXPORTED_SUFFIXES = (".onnx", ".pt2", ".xml", ".engine")
"""Of the files that `feedbackward export` writes."""


def load_network(model: str | Path, *, backbone: str | Path | None = None) -> SegmentationNetwork:
    """Load a trained network, on the CPU and in evaluation mode.

    Args:
        model: A folder that save_pretrained wrote, a checkpoint (.ckpt) of `feedbackward fit`, an adapter, by its file
            or a name of list_adapters(), or the id of a network or an adapter on the Hugging Face hub, such as
            "someone/camvid-mobilenet" or "someone/camvid-mobilenet@v1". A path that exists takes precedence.
        backbone: The weights of an adapter's encoder; see load_adapter.

    Raises:
        InputError: If there is no such model, or it is not a network of this library: a file of another kind, a
            truncated one, one that could run code, or one whose tensors do not match its configuration.

    Example:
        >>> load_network("runs/camvid/checkpoints/best.ckpt")  # doctest: +SKIP
    """
    path = find_model(model)
    if path.suffix in EXPORTED_SUFFIXES and path.is_file():
        raise InputError(
            f"{path} is named like an exported file, and this needs the network itself; give the folder or the "
            f"checkpoint that it was exported from"
        )
    if path.is_dir():
        network = _load_folder(path)
    elif path.suffix == ADAPTER_SUFFIX and (is_adapter(path) or not path.with_name(CONFIG_FILE).exists()):
        return load_adapter(path, backbone=backbone)
    else:
        network = load_checkpoint(path)
    if backbone is not None:
        raise InputError(f"{model} contains its encoder; omit the backbone, which is for adapters")
    return network.eval()


def find_model(model: str | Path) -> Path:
    """The file or the folder of a model of load_network; that of a hub id is in the hub's cache, after a download.

    Raises:
        InputError: If there is no such model.
    """
    path = Path(model)
    if path.is_file() or path.is_dir():
        return path
    if is_packaged(str(model)):
        return find_adapter(str(model))
    if not is_hub_id(model):
        raise InputError(
            f"no such model: {model}; expected a folder with config.json and model.safetensors, a training "
            f"checkpoint ({CHECKPOINT_SUFFIX}), an adapter ({ADAPTER_SUFFIX}){_packaged()}, or a hub id such as "
            f"someone/camvid-mobilenet"
        )
    owner = str(model).split("/")[0]
    if Path(owner).is_dir():
        raise InputError(
            f"no such folder or file: {model}; the hub is not queried: {owner}/ is a local directory. Give the path of "
            f"a saved network or a checkpoint, or run where there is no directory {owner}"
        )
    try:
        folder = fetch(str(model))
    except InputError as error:
        raise InputError(f"no such folder or file: {model}; as a hub id: {error}") from error
    return folder / ADAPTER_FILE if has_adapter(folder) else folder


def _packaged() -> str:
    return "".join(f" or {name}" for name in list_adapters())


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
