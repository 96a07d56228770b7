"""Norms are folded into convolutions where possible, without changing the result."""

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, fx, nn
from torch.testing import assert_close

from feedbackward.decoder_config import PAPER
from feedbackward.passes import apply_passes, fold_norms
from feedbackward.transform import trace, transpose


class Plain(nn.Module):
    """A convolution with a bias and its norm."""

    norms_left = 0

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Activated(Plain):
    """A norm with a built-in activation, which is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = BatchNormAct2d(4)


class Repeated(Plain):
    """One convolution that runs twice, each time with another norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.norm, self.norm2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm2(self.conv(self.norm(self.conv(x))))


class ReadTwice(Plain):
    """A convolution whose own output is read too, so that its norm has to stay."""

    norms_left = 1

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.norm(x) + x


class AfterActivation(Plain):
    """A norm that follows no convolution."""

    norms_left = 1

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu())


def randomize(module: nn.Module) -> None:
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(values, 0.5, 1.5)


def norms(network: fx.GraphModule) -> int:
    nodes = network.graph.find_nodes(op="call_module")
    return sum(isinstance(network.get_submodule(node.target), nn.BatchNorm2d) for node in nodes)


@pytest.fixture(params=[Plain, Activated, Repeated, ReadTwice, AfterActivation])
def encoder(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    encoder = request.param().double().eval()
    randomize(encoder)
    return encoder


@torch.no_grad()
def test_the_result_is_the_same_without_the_norms(encoder: nn.Module) -> None:
    traced, image = trace(encoder), torch.randn(2, 3, 5, 7, dtype=torch.float64)
    folded = apply_passes(traced.graph, traced, [fold_norms])
    assert_close(folded(image), traced(image))
    assert norms(folded) == encoder.norms_left


@torch.no_grad()
def test_the_network_s_own_weights_are_not_modified(encoder: nn.Module) -> None:
    traced, before = trace(encoder), {key: value.clone() for key, value in encoder.state_dict().items()}
    apply_passes(traced.graph, traced, [fold_norms])
    assert_close(dict(encoder.state_dict()), before, rtol=0, atol=0)


@torch.no_grad()
def test_a_shared_weight_is_folded_into_encoder_and_decoder_separately() -> None:
    torch.manual_seed(0)
    traced = trace(Plain().double().eval())
    decoded = transpose(traced, PAPER)
    root = nn.Module()
    root.encoder, root.decoder = traced, decoded.decoder.double().eval()
    randomize(root)
    image = torch.randn(2, 3, 6, 8, dtype=torch.float64)
    paper, folded = (apply_passes(decoded.graph, root, passes) for passes in ([], [fold_norms]))
    assert (norms(paper), norms(folded)) == (2, 0)
    assert_close(folded(image), paper(image))
