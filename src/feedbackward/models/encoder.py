"""Building timm's encoders by name, with pretrained weights, and the normalization of their images."""

import os
from typing import Any

import timm
from huggingface_hub.errors import HfHubHTTPError
from torch import nn

from feedbackward.decoder_config import MOST_CHANNELS
from feedbackward.errors import InputError, nearest
from feedbackward.models.encoder_weights import Names, load_encoder_weights, no_name
from feedbackward.preprocessing import Preprocessing

IMAGENET = "imagenet"


class NoWeightsError(InputError):
    """timm's pretrained weights are neither in the cache nor can they be downloaded.

    Args:
        name: timm's name of the encoder.
        reason: What the hub said.
    """

    def __init__(self, name: str, reason: object) -> None:
        super().__init__(
            f"the pretrained weights of {name!r} are not in the cache and the hub cannot be reached ({reason}); "
            f"connect once so that they are cached, or download the file elsewhere and give its path as "
            f"encoder_weights, or use encoder_weights=None for random weights"
        )
        self.reason = reason


def create_encoder(
    name: str,
    *,
    weights: str | os.PathLike[str] | None,
    in_channels: int,
    optional: Names = no_name,
    classifier: bool = False,
) -> nn.Module:
    """Build one of timm's encoders.

    Args:
        name: A name from timm.list_models(), with or without a pretrained tag (vgg16, vgg16.tv_in1k).
        weights: "imagenet" for timm's pretrained weights from the hub or its cache, the path of a local file or saved
            network, or the id of a repository on the hub, with weights of that encoder, or None for random ones.
        in_channels: The number of image channels; pretrained weights of the first layer are adapted to it.
        optional: The tensors that a local file need not contain.
        classifier: Whether it keeps its own classifier, which a local file must then contain, too.

    Raises:
        InputError: If the name is unknown (the message suggests similar ones), there are no channels, or the weights
            are not available or do not fit.
    """
    _check_name(name)
    check_count("in_channels", in_channels)
    if is_imagenet(weights):
        return _from_hub(name, in_channels)
    encoder = _build(name, in_chans=in_channels, **({} if classifier else {"num_classes": 0}))
    if weights is not None:
        load_encoder_weights(encoder, weights, name=name, in_channels=in_channels, optional=optional)
    return encoder


def is_imagenet(weights: str | os.PathLike[str] | None) -> bool:
    """Whether these are timm's pretrained weights."""
    return weights is not None and os.fspath(weights) == IMAGENET


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


def check_count(name: str, number: object) -> None:
    """Refuse a number of classes or channels that is not one, or larger than any data set has.

    Raises:
        InputError: If it is.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_CHANNELS:
        raise InputError(f"{name}={number!r}: expected 1 or more, up to {MOST_CHANNELS}")


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
        raise NoWeightsError(name, error) from error
