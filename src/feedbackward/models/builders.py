"""Every network by its name: create_model, list_models and from_pretrained."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError

from feedbackward.errors import InputError, nearest
from feedbackward.models.baselines.deeplab_largefov import DeepLabLargeFOV
from feedbackward.models.baselines.fcn8s import FCN8s
from feedbackward.models.baselines.segnet import SegNet
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import CONFIG_FILE, WEIGHTS_FILE, SegmentationNetwork

_paper = partial(
    Feedbackward,
    encoder_name="vgg16",
    output_stride=None,
    output_feature="last",
    retrace="all",
    head_input="sum",
    head_kernel_size=1,
    encoder_norm="batch",
)

MODELS: dict[str, Callable[..., SegmentationNetwork]] = {
    "feedbackward": Feedbackward,
    "vgg16_pwn": partial(_paper, permute="necessary"),
    "vgg16_pwp": partial(_paper, permute="possible"),
    "segnet": SegNet,
    "fcn8s": FCN8s,
    "deeplab_largefov": DeepLabLargeFOV,
}


def list_models() -> list[str]:
    """The names that create_model takes."""
    return list(MODELS)


def create_model(
    name: str,
    *,
    classes: int = 19,
    encoder_weights: str | os.PathLike[str] | None = "imagenet",
    in_channels: int = 3,
    **options: Any,
) -> SegmentationNetwork:
    """Build a network by its name.

    Args:
        name: One of list_models(): "vgg16_pwn" and "vgg16_pwp" are the paper's, "feedbackward" takes any encoder;
            "segnet", "fcn8s" and "deeplab_largefov" are those that the paper compares them with.
        classes: The number of classes.
        encoder_weights: "imagenet" for timm's pretrained weights, the path of a local file, or None for random ones.
        in_channels: The channels of the image.
        options: What the network itself takes beyond these, such as encoder_name for "feedbackward".

    Returns:
        A network from normalized images (N, in_channels, H, W) to logits (N, classes, H, W).

    Raises:
        InputError: If the name is unknown (it gives the nearest ones) or an option is not the network's.

    Example:
        >>> create_model("vgg16_pwn", encoder_weights=None).classes
        19
    """
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}; {nearest(name, MODELS)}")
    try:
        return MODELS[name](classes=classes, encoder_weights=encoder_weights, in_channels=in_channels, **options)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise InputError(f"options of model {name!r}: {error}; its documentation lists what it takes") from error


def from_pretrained(source: str | os.PathLike[str], **hub: Any) -> SegmentationNetwork:
    """Load a network that save_pretrained has written, from a folder or from the hub.

    Args:
        source: A folder with config.json and model.safetensors, or the id of such a repository on the hub.
        hub: revision, cache_dir, token, local_files_only or force_download, for the hub.

    Returns:
        The network in evaluation mode, with its class table where it was saved with one.

    Raises:
        InputError: If there is no such network, or its files are damaged or of another library.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = _download(str(source), hub)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: there is no {name} in it; give a folder that save_pretrained has written")
    try:
        model = json.loads((folder / CONFIG_FILE).read_text())["model"]
        network = MODELS[model]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder / CONFIG_FILE}: not the configuration of a network of this library ({error!r}); "
            f"give a folder that save_pretrained has written"
        ) from error
    assert isinstance(network, type)
    assert issubclass(network, SegmentationNetwork)
    try:
        return network.from_pretrained(folder)
    except (SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{folder / WEIGHTS_FILE}: does not hold the tensors of the network that {CONFIG_FILE} describes: {error}"
        ) from error


def _download(repository: str, hub: dict[str, Any]) -> Path:
    try:
        return Path(snapshot_download(repository, **hub))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise InputError(
            f"{repository!r} is neither a folder here nor a repository that can be had from the hub ({error}); "
            f"give a folder that save_pretrained has written, or the id of a repository on the hub"
        ) from error
