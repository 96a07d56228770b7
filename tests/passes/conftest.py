"""Small encoders with everything that the passes handle: strides, pools, plain and dense layers, ReLUs and others."""

from collections.abc import Callable

import pytest
import timm
from timm.models.densenet import DenseNet
from torch import nn


def narrow_vgg() -> nn.Module:
    """A VGG-11 of an eighth of its width, without its classifier."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (8, None, 16, None, 32, 32, None, 64, 64, None, 64, 64, None):
        if width is None:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


@pytest.fixture(scope="session")
def create_encoder() -> Callable[[str], nn.Module]:
    """Creates one of them by name: vgg, densenet, or one of timm's small test encoders."""

    def create(name: str) -> nn.Module:
        if name == "vgg":
            return narrow_vgg()
        if name == "densenet":
            return DenseNet(growth_rate=8, block_config=(2, 2), num_classes=0)
        return timm.create_model(f"test_{name}", num_classes=0)

    return create
