"""Optimized networks against the networks that they were made from."""

from typing import NamedTuple

import pytest
import torch
from timm.models.densenet import DenseNet
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models import create_encoder
from feedbackward.models.optimized import OptimizedNetwork, optimize
from feedbackward.nn import LowRank

OPTIONS = {
    "test_resnet": {},
    "test_efficientnet": {"decoder": DecoderConfig(retrace="transitions")},
    "test_byobnet": {"decoder": DecoderConfig(permute="possible")},
    "test_convnext": {},
    "test_nfnet": {},  # its weights are computed
    "densenet": {"decoder": DecoderConfig(output_stride=4)},
    "vgg11_narrow": {"encoder_norm": "batch", "decoder": DecoderConfig(output_stride="image")},
    "hrnet_w18_small": {"decoder": DecoderConfig(norm="group")},
    "test_mambaout": {"decoder": DecoderConfig(rank=4)},  # linear layers
    "test_resnet, rank": {"decoder": DecoderConfig(rank=4)},
    "test_resnet, full": {"decoder": DecoderConfig(rank="full", head_channels=8, head_strides="all")},
    "test_efficientnet, low": {"decoder": DecoderConfig(rank=4, head_channels=8, head_strides="all")},
}
"""By encoder, with a remark after a comma."""


def build(name: str) -> fb.Feedbackward:
    torch.manual_seed(0)
    if name == "densenet":
        encoder = DenseNet(growth_rate=8, block_config=(2, 2, 2, 2), num_classes=0)
    else:
        encoder = create_encoder(name.partition(",")[0], weights=None, in_channels=3)
    network = fb.Feedbackward(encoder, classes=3, **OPTIONS[name])
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.2, 0.2)
        elif isinstance(norm, LowRank):
            nn.init.normal_(norm.up.weight, std=0.3)
    return network.double().eval()


class Case(NamedTuple):
    """A network, its tensors, and images with their logits."""

    network: fb.Feedbackward
    state: dict[str, Tensor]
    expected: list[tuple[Tensor, Tensor]]


@pytest.fixture(scope="module", params=OPTIONS)
def case(request: pytest.FixtureRequest) -> Case:
    network = build(request.param)
    images = [torch.rand(*shape, dtype=torch.float64) for shape in ((2, 3, 64, 96), (1, 3, 45, 71))]
    state = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        return Case(network, state, [(image, network(image)) for image in images])


@pytest.mark.parametrize("weights", ["memory", "speed"])
def test_the_logits_are_the_same(case: Case, weights: str) -> None:
    optimized = optimize(case.network, weights=weights)
    for image, logits in case.expected:
        for _ in range(2):  # neither the images nor the weights were overwritten
            assert_close(optimized(image), logits)
    assert_close(dict(case.network.state_dict()), case.state, rtol=0, atol=0)


@pytest.fixture(scope="module")
def vgg() -> fb.Feedbackward:
    return build("vgg11_narrow")


def weights(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters() if parameter.ndim == 4)


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_for_speed_norms_are_folded_into_two_copies_of_each_weight(vgg: fb.Feedbackward) -> None:
    fast = optimize(vgg, weights="speed")
    assert norms(fast) == 0
    assert weights(fast) == 2 * weights(vgg.encoder) + weights(vgg.head)


def test_for_speed_low_rank_updates_cost_no_weights_and_no_layers() -> None:
    plain, ranked = (optimize(build(name), weights="speed") for name in ("test_resnet", "test_resnet, rank"))
    assert weights(ranked) == weights(plain)
    assert not any(isinstance(module, LowRank) for module in ranked.modules())


def test_for_memory_weights_and_norms_are_the_network_s(vgg: fb.Feedbackward) -> None:
    small = optimize(vgg, weights="memory")
    assert norms(small) == norms(vgg)
    assert parameters(small) == parameters(vgg)


def test_it_has_the_description_of_the_network(vgg: fb.Feedbackward) -> None:
    optimized = optimize(vgg)
    assert isinstance(optimized, OptimizedNetwork)
    for name in ("config", "classes", "class_table", "preprocessing", "smallest", "sizes"):
        assert getattr(optimized, name) == getattr(vgg, name)


@pytest.mark.slow
@pytest.mark.usefixtures("exporting")
def test_compiled_it_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    network = fb.Feedbackward(encoder, classes=3, decoder=DecoderConfig(output_stride="image")).eval()
    optimized = optimize(network, compiled=True)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert_close(optimized(image), network(image), atol=1e-4, rtol=1e-4)


def test_other_weights_are_refused(vgg: fb.Feedbackward) -> None:
    with pytest.raises(InputError, match="weights='small': expected one of 'memory', 'speed'"):
        optimize(vgg, weights="small")
