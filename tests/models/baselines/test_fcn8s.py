"""FCN-8s against a plain network written out by hand, its upsampling against bilinear interpolation."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb

BLOCKS = [[0], [0], [0, 2], [0, 2], [0, 2]]  # the positions of the convolutions in each block of a VGG-11


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    network = fb.create_model("fcn8s", encoder_name="vgg11_narrow", encoder_weights=None, classes=4).double().eval()
    for name, weight in network.named_parameters():
        if name.startswith("score"):
            nn.init.normal_(weight)
    return network


def upsample(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def by_hand(state: dict[str, Tensor], image: Tensor) -> Tensor:
    def conv(x: Tensor, name: str, padding: int = 0) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=padding)

    x, pools = image, []
    for number, block in enumerate(BLOCKS):
        for index in block:
            x = F.relu(conv(x, f"encoder.{number}.{index}", padding=1))
        x = F.max_pool2d(x, 2)
        pools.append(x)
    x = F.relu(conv(F.relu(conv(x, "fc6", padding=3)), "fc7"))
    x = upsample(conv(x, "score_fr"), 2) + conv(pools[3], "score_pool4")
    x = upsample(x, 2) + conv(pools[2], "score_pool3")
    return upsample(x, 8)


def test_away_from_the_border_it_is_the_network_of_the_paper(network: nn.Module) -> None:
    """At the border a transposed convolution fades to zero, while interpolation repeats the last value."""
    image = torch.rand(1, 3, 128, 160, dtype=torch.float64)
    with torch.no_grad():
        inside = (..., slice(32, -32), slice(32, -32))
        assert_close(network(image)[inside], by_hand(network.state_dict(), image)[inside])


def test_all_interpolations_but_the_last_are_trained(network: nn.Module) -> None:
    network.train()(torch.rand(2, 3, 33, 47, dtype=torch.float64)).square().sum().backward()
    untrained = {name for name, weight in network.named_parameters() if weight.grad is None}
    assert untrained == {"upscore8.weight"}
    assert network.upscore2.weight.grad.any()


def test_it_starts_with_equal_logits_and_drops_half_of_the_features() -> None:
    network = fb.create_model("fcn8s", encoder_name="vgg11_narrow", encoder_weights=None, classes=4)
    image = torch.rand(1, 3, 64, 64)
    assert not network(image).any()
    nn.init.ones_(network.score_fr.weight)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))
