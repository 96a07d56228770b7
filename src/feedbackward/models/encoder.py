"""The one door to timm: a convnet by name, with its pretrained weights, and how its images are normalized."""

import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
from huggingface_hub.errors import HfHubHTTPError
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from feedbackward.errors import InputError, nearest

IMAGENET = "imagenet"


@dataclass(frozen=True)
class Normalization:
    """The statistics with which a network's images are normalized, by channel.

    Args:
        mean: Subtracted from images in [0, 1].
        std: What remains is divided by it.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: Float[Tensor, "*n c h w"]) -> Float[Tensor, "*n c h w"]:
        """Normalize images with values in [0, 1]."""
        mean, std = (image.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (image - mean) / std


def create_encoder(name: str, *, weights: str | os.PathLike[str] | None, in_channels: int) -> nn.Module:
    """Build one of timm's encoders.

    Args:
        name: As timm.list_models() has it, with or without a pretrained tag (vgg16, vgg16.tv_in1k).
        weights: "imagenet" for timm's pretrained weights from the hub or its cache, the path of a local file with
            such weights (.safetensors, .pth), or None for random ones.
        in_channels: The channels of the image; pretrained weights of the first layer are adapted as timm does it.

    Raises:
        InputError: If the name is unknown (it gives the nearest ones), there are no channels, or the weights cannot be
            had or do not fit.
    """
    _check_name(name)
    check_positive("in_channels", in_channels)
    if weights is None:
        return _build(name, in_chans=in_channels, num_classes=0)
    # With its classifier, although no use is made of it: only so does timm refuse a file that does not fit.
    if os.fspath(weights) == IMAGENET:
        return _from_hub(name, in_channels)
    return _from_file(name, Path(weights), in_channels)


def normalization_of(encoder: nn.Module, in_channels: int) -> Normalization:
    """The encoder's own statistics; other than three channels take the mean of them."""
    statistics: dict[str, Any] = encoder.pretrained_cfg  # type: ignore[assignment]
    mean, std = statistics["mean"], statistics["std"]
    if len(mean) != in_channels:
        mean, std = ([sum(values) / len(values)] * in_channels for values in (mean, std))
    return Normalization(tuple(mean), tuple(std))


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
    """Build an architecture so that it takes images of any size, where timm has an option for that."""
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
            f"connect once so that they are cached, or fetch the file elsewhere and give its path as encoder_weights, "
            f"or use encoder_weights=None to start from random weights"
        ) from error


def _from_file(name: str, path: Path, in_channels: int) -> nn.Module:
    if not path.is_file():
        raise InputError(
            f"encoder_weights: there is no file {str(path)!r}; give the path of a .safetensors or .pth file, "
            f"{IMAGENET!r} for timm's pretrained weights, or None for random ones"
        )
    try:
        overlay = {"file": str(path)}
        return _build(name, pretrained=True, pretrained_cfg_overlay=overlay, in_chans=in_channels)
    except (SafetensorError, RuntimeError, EOFError, KeyError, OSError, UnpicklingError) as e:
        raise InputError(
            f"encoder_weights: {str(path)!r} does not hold weights of timm's {name!r}: {e}; "
            f"give a file that was saved from that encoder"
        ) from e
