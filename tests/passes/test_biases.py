"""The paper's encoder: no biases, but a batch norm after each convolution."""

import pytest
import torch
from torch import Tensor, fx, nn
from torch.testing import assert_close

from feedbackward.passes import biases_to_norms
from feedbackward.transform import trace


class Encoder(nn.Module):
    """Two convolutions with a bias and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 1)
        self.plain = nn.Conv2d(5, 6, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(self.second(self.first(x).relu()))


@pytest.fixture
def network() -> fx.GraphModule:
    torch.manual_seed(0)
    traced = trace(Encoder())
    biases_to_norms(traced)
    return traced.double()


def test_no_bias_is_left(network: fx.GraphModule) -> None:
    assert [name for name, module in network.named_modules() if getattr(module, "bias", None) is not None] == [
        "first.norm",
        "second.norm",
    ]


def test_weights_keep_their_keys(network: fx.GraphModule) -> None:
    assert {name for name, _ in network.named_parameters() if name.count(".") == 1} == {
        "first.weight",
        "second.weight",
        "plain.weight",
    }


def test_each_convolution_that_had_a_bias_is_normalized(network: fx.GraphModule) -> None:
    image = torch.randn(2, 3, 6, 8, dtype=torch.float64)

    def normalized(x: Tensor) -> Tensor:
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        return (x - mean) / (variance + 1e-5).sqrt()

    conv = nn.functional.conv2d
    expected = normalized(conv(image, network.first.weight, padding=1)).relu()
    expected = conv(normalized(conv(expected, network.second.weight)), network.plain.weight)
    assert_close(network.train()(image), expected)
