"""Building timm's encoders by name, with pretrained weights, and the normalization of their images."""

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from torch import nn

from feedbackward.errors import InputError, nearest
from feedbackward.preprocessing import Preprocessing

IMAGENET = "imagenet"


def create_encoder(name: str, *, weights: str | os.PathLike[str] | None, in_channels: int) -> nn.Module:
    """Build one of timm's encoders.

    Args:
        name: A name from timm.list_models(), with or without a pretrained tag (vgg16, vgg16.tv_in1k).
        weights: "imagenet" for timm's pretrained weights from the hub or its cache, the path of a local file with such
            weights (.safetensors, .pth), or None for random ones.
        in_channels: The number of image channels; timm adapts pretrained weights of the first layer to it.

    Raises:
        InputError: If the name is unknown (the message suggests similar ones), there are no channels, or the weights
            are not available or do not fit.
    """
    _check_name(name)
    check_positive("in_channels", in_channels)
    if weights is None:
        return _build(name, in_chans=in_channels, num_classes=0)
    # Includes the unused classifier: only then does timm refuse a file that does not fit.
    if os.fspath(weights) == IMAGENET:
        return _from_hub(name, in_channels)
    return _from_file(name, Path(weights), in_channels)


def preprocessing_of(encoder: nn.Module, in_channels: int) -> Preprocessing:
    """The normalization that timm gives its encoder; for a number of channels other than three, the mean of its values.

    The identity for modules that are not timm's.
    """
    statistics = getattr(encoder, "pretrained_cfg", None)
    if not statistics:
        return Preprocessing.identity(in_channels)
    mean, std = statistics["mean"], statistics["std"]
    if len(mean) != in_channels:
        mean, std = ([sum(values) / len(values)] * in_channels for values in (mean, std))
    return Preprocessing(tuple(mean), tuple(std))


def check_positive(name: str, number: int) -> None:
    """Refuse an argument that must be 1 or more."""
    if number < 1:
        raise InputError(f"{name}={number}: expected 1 or more")


def _check_name(name: str) -> None:
    architecture, _, tag = name.partition(".")
    if timm.is_model(architecture) and not tag:
        return
    known = timm.list_models(f"{architecture}.*", pretrained=True) if tag else timm.list_models()
    if name in known:
        return
    raise InputError(f"unknown encoder {name!r}; {nearest(name, known)}")


def _build(name: str, **options: Any) -> nn.Module:
    """Build an architecture for images of any size, if timm has an option for that."""
    try:
        return timm.create_model(name, dynamic_img_size=True, **options)
    except TypeError as error:
        if "dynamic_img_size" not in str(error):
            raise
        return timm.create_model(name, **options)


def _from_hub(name: str, in_channels: int) -> nn.Module:
    if not timm.is_model_pretrained(name):
        raise InputError(f"timm has no pretrained weights for {name!r}; use encoder_weights=None or a local file")
    try:
        return _build(name, pretrained=True, in_chans=in_channels)
    except (OSError, HfHubHTTPError) as error:
        raise InputError(
            f"the pretrained weights of {name!r} are not in the cache and the hub cannot be reached ({error}); "
            f"connect once so that they are cached, or download the file elsewhere and give its path as "
            f"encoder_weights, or use encoder_weights=None for random weights"
        ) from error


def _from_file(name: str, path: Path, in_channels: int) -> nn.Module:
    if not path.is_file():
        raise InputError(
            f"encoder_weights: no file {str(path)!r}; give the path of a .safetensors or .pth file, "
            f"{IMAGENET!r} for timm's pretrained weights, or None for random ones"
        )
    try:
        overlay = {"file": str(path)}
        return _build(name, pretrained=True, pretrained_cfg_overlay=overlay, in_chans=in_channels)
    except (SafetensorError, RuntimeError, EOFError, KeyError, OSError, UnpicklingError) as e:
        raise InputError(
            f"encoder_weights: {str(path)!r} does not contain weights of timm's {name!r}: {e}; "
            f"give a file that was saved from that encoder"
        ) from e
