"""The low-rank update against numpy and against the convolution whose weight it changes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from feedbackward.nn import LowRank, updated_weight


def update(channels: int, *, dims: int = 4, rank: int | str = 3) -> LowRank:
    torch.manual_seed(0)
    module = LowRank(channels, rank=rank, dims=dims).double()
    torch.nn.init.normal_(module.up.weight)
    return module


@pytest.mark.parametrize("size", [(), (7,), (5, 6), (2, 3, 4)])
def test_each_pixel_s_channels_are_updated(size):
    module = update(8, dims=2 + len(size))
    z = torch.randn(2, 8, *size, dtype=torch.float64)
    a, b = (layer.weight.detach().numpy().reshape(layer.weight.shape[:2]) for layer in (module.down, module.up))
    expected = z.numpy() + np.einsum("ir,rc,nc...->ni...", b, a, z.numpy())
    np.testing.assert_allclose(module(z).detach().numpy(), expected)


def test_untrained_it_changes_nothing():
    z = torch.randn(2, 8, 5, 6)
    for rank in (3, "full"):
        assert torch.equal(LowRank(8, rank=rank, dims=4)(z), z)


@pytest.mark.parametrize("rank", [1, 3, 20, "full"])
def test_it_changes_the_weight_of_the_convolution_before_it(rank):
    module = update(8, rank=rank)
    weight, signal = torch.randn(8, 5, 3, 3, dtype=torch.float64), torch.randn(2, 5, 9, 7, dtype=torch.float64)
    update_of_channels = module.up.weight.flatten(1)
    if module.down is not None:
        update_of_channels = update_of_channels @ module.down.weight.flatten(1)
    changed = ((torch.eye(8) + update_of_channels) @ weight.flatten(1)).view_as(weight)
    assert_close(module(F.conv2d(signal, weight)), F.conv2d(signal, changed))
    down = None if module.down is None else module.down.weight
    assert_close(updated_weight(weight, module.up.weight, down), changed)


@pytest.mark.parametrize(("rank", "parameters"), [(3, 2 * 3 * 8), (20, 2 * 8 * 8), ("full", 8 * 8)])
def test_its_size(rank, parameters):
    assert sum(weight.numel() for weight in LowRank(8, rank=rank, dims=4).parameters()) == parameters
