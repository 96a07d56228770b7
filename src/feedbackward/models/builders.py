"""Networks by name: the paper's presets, its baselines, and any encoder of timm."""

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch

from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.errors import InputError, listed, nearest
from feedbackward.models.baselines import DeepLabLargeFOV, FCN8s, SegNet
from feedbackward.models.encoder import create_encoder, is_imagenet
from feedbackward.models.encoder_weights import load_encoder_weights
from feedbackward.models.feedbackward import EncoderNorm, Feedbackward, Freeze
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.origin import origin_of


@dataclass(frozen=True)
class Preset:
    """A feedbackward network whose options are fixed.

    Args:
        encoder_name: timm's name of its encoder.
        decoder: The options of its decoder.
        encoder_norm: See Feedbackward.
    """

    encoder_name: str
    decoder: DecoderConfig
    encoder_norm: EncoderNorm


PRESETS: dict[str, Preset] = {
    "vgg16_pwn": Preset("vgg16", PAPER, "batch"),
    "vgg16_pwp": Preset("vgg16", replace(PAPER, permute="possible"), "batch"),
}
"""The paper's networks."""

MODELS: dict[str, Callable[..., SegmentationNetwork]] = {
    "segnet": SegNet,
    "fcn8s": FCN8s,
    "deeplab_largefov": DeepLabLargeFOV,
}
"""The baselines. Each is called with classes, encoder_weights, in_channels and the options that were given."""

NETWORKS: dict[str, type[SegmentationNetwork]] = {
    "feedbackward": Feedbackward,
    "segnet": SegNet,
    "fcn8s": FCN8s,
    "deeplab_largefov": DeepLabLargeFOV,
}
"""The class of a saved network, by the "model" in its configuration."""


def list_models() -> list[str]:
    """The names of presets and baselines, which create_model accepts besides those of timm's encoders."""
    return [*PRESETS, *MODELS]


def create_model(
    name: str,
    *,
    classes: int,
    encoder_weights: str | os.PathLike[str] | None = "imagenet",
    in_channels: int = 3,
    decoder: DecoderConfig | None = None,
    encoder_norm: EncoderNorm | None = None,
    freeze_encoder: Freeze = False,
    encoder_name: str | None = None,
) -> SegmentationNetwork:
    """Build a network by its name.

    Args:
        name: timm's name of any encoder with a decoder (see list_encoders), or one of list_models(): "vgg16_pwn" and
            "vgg16_pwp" are the paper's networks, "segnet", "fcn8s" and "deeplab_largefov" its baselines.
        classes: The number of classes.
        encoder_weights: "imagenet" for timm's pretrained weights, the path of a local file or of a saved network or the
            id of a repository on the hub that contains the encoder's weights, or None for random ones.
        in_channels: The number of image channels; pretrained weights of the first layer are adapted to it.
        decoder: The options of the decoder; by default DecoderConfig(), FOR_FROZEN on a frozen encoder, or those of the
            preset.
        encoder_norm: "own" or "batch", see Feedbackward; by default "own", or that of the preset.
        freeze_encoder: Train only what the decoder has of its own and the classifier; "weights" for the encoder's
            norms too.
        encoder_name: timm's name of the VGG of a baseline; VGG-16 by default.

    Returns:
        A network that maps preprocessed images (N, in_channels, H, W) to logits (N, classes, H, W).

    Raises:
        InputError: If the name is unknown (the message suggests similar ones), an option does not apply to the network,
            or the weights are not available or do not fit.
        UnsupportedOperationsError: If the encoder has operations without a rule.

    Example:
        >>> create_model("resnet18", classes=11, encoder_weights=None).decoder_config.permute
        'necessary'
    """
    given: dict[str, Any] = {
        option: value
        for option, value in (("decoder", decoder), ("encoder_norm", encoder_norm), ("encoder_name", encoder_name))
        if value is not None
    }
    if freeze_encoder:
        given["freeze_encoder"] = freeze_encoder
    common: dict[str, Any] = {"classes": classes, "encoder_weights": encoder_weights, "in_channels": in_channels}
    network = _create(name, common, given)
    network.origin = origin_of(network.config["encoder_name"], encoder_weights)
    return network


def _create(name: str, common: dict[str, Any], given: dict[str, Any]) -> SegmentationNetwork:
    if name in PRESETS:
        preset = PRESETS[name]
        own = vars(preset)
        if fixed := sorted(option for option in given if option in own and given[option] != own[option]):
            raise InputError(
                f"{name} has its own {listed(fixed)}; for other options give the encoder: name "
                f"{preset.encoder_name!r}, encoder_norm {preset.encoder_norm!r} and the whole decoder configuration"
            )
        return build_feedbackward(**{**given, **own, **common})
    if name in MODELS:
        _check_options(name, MODELS[name], given)
        return MODELS[name](**common, **given)
    if "encoder_name" in given:
        raise InputError(f"encoder_name={given['encoder_name']!r}: {name} is an encoder itself; omit encoder_name")
    _check_name(name)
    return build_feedbackward(name, **common, **given)


def build_feedbackward(
    encoder_name: str,
    *,
    classes: int,
    encoder_weights: str | os.PathLike[str] | None,
    in_channels: int,
    decoder: DecoderConfig | None = None,
    encoder_norm: EncoderNorm = "own",
    freeze_encoder: Freeze = False,
    network: type[Feedbackward] = Feedbackward,
    check: Callable[[Feedbackward], None] | None = None,
) -> Feedbackward:
    """Build a feedbackward network on one of timm's encoders.

    An encoder that cannot be decoded as the options say is refused before its weights are fetched.

    Args:
        encoder_name: As in create_model; so are the arguments up to freeze_encoder.
        classes: The number of classes.
        encoder_weights: The weights of the encoder.
        in_channels: The number of image channels.
        decoder: The options of the decoder.
        encoder_norm: The encoder's norms.
        freeze_encoder: What of the encoder is not trained.
        network: The class of the network.
        check: Called with the network on the meta device, before memory is taken for it.
    """
    options: dict[str, Any] = {
        "encoder_name": encoder_name,
        "classes": classes,
        "in_channels": in_channels,
        "decoder": decoder,
        "encoder_norm": encoder_norm,
        "freeze_encoder": freeze_encoder,
    }
    if is_imagenet(encoder_weights) or check is not None:
        with torch.device("meta"):
            empty = network(create_encoder(encoder_name, weights=None, in_channels=in_channels), **options)
        if check is not None:
            check(empty)
    if is_imagenet(encoder_weights):
        return network(create_encoder(encoder_name, weights=encoder_weights, in_channels=in_channels), **options)
    encoder = create_encoder(encoder_name, weights=None, in_channels=in_channels)
    names = encoder.state_dict().keys()
    built = network(encoder, **options)
    if encoder_weights is not None:
        # What the network has added to timm's encoder, the norms in place of biases, is only in files of such networks.
        load_encoder_weights(
            built.encoder,
            encoder_weights,
            name=encoder_name,
            in_channels=in_channels,
            optional=lambda tensor: tensor not in names,
        )
    return built


def _check_options(name: str, build: Callable[..., Any], given: dict[str, Any]) -> None:
    accepted = inspect.signature(build).parameters
    if unknown := sorted(option for option in given if option not in accepted):
        raise InputError(f"{name} has no {listed(unknown)}; omit that, or give the name of an encoder")


def _check_name(name: str) -> None:
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        raise InputError(f"unknown model {name!r}; {nearest(architecture, [*list_models(), *timm.list_models()])}")
