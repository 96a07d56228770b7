"""The parts of VGG that the baselines need: blocks of convolutions without the pools, and fully connected layers.

"Very Deep Convolutional Networks for Large-Scale Image Recognition" (Simonyan and Zisserman, 2014).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from timm.models.vgg import VGG
from torch import nn

from feedbackward.errors import InputError
from feedbackward.models.encoder import create_encoder, preprocessing_of
from feedbackward.preprocessing import Preprocessing


@dataclass(frozen=True)
class VGGLayers:
    """The layers of one of timm's VGGs, from which a network is built.

    Args:
        name: timm's name of the VGG.
        in_channels: The number of image channels.
        blocks: The convolutions with their norms and activations, cut at the pools, which are left out.
        fc6: The first fully connected layer, as a convolution of 7x7.
        fc7: The second one, as a convolution of 1x1.
        preprocessing: How the images are normalized.
    """

    name: str
    in_channels: int
    blocks: tuple[nn.Sequential, ...]
    fc6: nn.Conv2d
    fc7: nn.Conv2d
    preprocessing: Preprocessing

    def config(self, model: str, *, classes: int) -> dict[str, Any]:
        """The configuration of the network `model`, as SegmentationNetwork expects it."""
        return {
            "model": model,
            "encoder_name": self.name,
            "in_channels": self.in_channels,
            "classes": classes,
        }


def vgg_layers(
    name: str, *, weights: str | os.PathLike[str] | None, in_channels: int, fully_connected: bool = True
) -> VGGLayers:
    """Build one of timm's VGGs; arguments and errors as in create_encoder.

    Args:
        name: timm's name of the VGG.
        weights: See create_encoder.
        in_channels: The number of image channels.
        fully_connected: Whether a file of weights must contain those of fc6 and fc7.

    Raises:
        InputError: If the encoder is not a VGG.
    """
    encoder = create_encoder(
        name,
        weights=weights,
        in_channels=in_channels,
        optional=lambda tensor: not fully_connected and not tensor.startswith("features."),
    )
    if not isinstance(encoder, VGG):
        raise InputError(
            f"encoder_name={name!r}: this network is built on a VGG; give vgg16 or another of timm's VGGs, or use that "
            f"encoder with its own decoder: create_model({name!r}, ...)"
        )
    fc6, fc7 = (cast(nn.Conv2d, encoder.pre_logits.get_submodule(layer)) for layer in ("fc1", "fc2"))
    preprocessing = preprocessing_of(encoder, in_channels)
    return VGGLayers(name, in_channels, tuple(_blocks(encoder)), fc6, fc7, preprocessing)


def convolutions(block: nn.Sequential) -> list[nn.Conv2d]:
    """The convolutions of a block."""
    return [layer for layer in block if isinstance(layer, nn.Conv2d)]


def _blocks(encoder: VGG) -> Iterator[nn.Sequential]:
    layers: list[nn.Module] = []
    for layer in encoder.features:
        if isinstance(layer, nn.MaxPool2d):
            yield nn.Sequential(*layers)
            layers = []
        else:
            layers.append(layer)
