"""SegNet against a plain network written out by hand."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import feedbackward as fb

BLOCKS = [[0], [0], [0, 3], [0, 3], [0, 3]]  # the positions of the convolutions in each block of a VGG-11


def layer(x: Tensor, state: dict[str, Tensor], block: str, index: int) -> Tensor:
    x = F.conv2d(x, state[f"{block}.{index}.weight"], padding=1)
    norm = f"{block}.{index + 1}"
    mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
    return F.relu(F.batch_norm(x, mean, variance, state[f"{norm}.weight"], state[f"{norm}.bias"]))


def windows(x: Tensor) -> Tensor:
    """The four values of each pool along the last axis."""
    return x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).transpose(3, 4).flatten(4)


def unpool(x: Tensor, where: Tensor) -> Tensor:
    """Put each value at the place of its pool's maximum, zeros elsewhere."""
    placed = x[..., None] * F.one_hot(where, 4)
    return placed.unflatten(4, (2, 2)).transpose(3, 4).flatten(4).flatten(2, 3)


def by_hand(state: dict[str, Tensor], x: Tensor) -> Tensor:
    places = []
    for number, block in enumerate(BLOCKS):
        for index in block:
            x = layer(x, state, f"encoder.{number}", index)
        x, place = windows(x).max(-1)
        places.append(place)
    for number, block in enumerate(reversed(BLOCKS)):
        x = unpool(x, places.pop())
        for index in block if number < 4 else []:
            x = layer(x, state, f"decoder.{number}", index)
    return F.conv2d(x, state["head.weight"], state["head.bias"], padding=1)


def test_it_is_the_network_of_the_paper() -> None:
    torch.manual_seed(0)
    network = fb.create_model("segnet", encoder_name="vgg11_narrow", encoder_weights=None, classes=4).double().eval()
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            torch.nn.init.uniform_(value, 0.1, 0.5)
    image = torch.rand(2, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        assert_close(network(image), by_hand(network.state_dict(), image))


def test_every_parameter_trains() -> None:
    network = fb.create_model("segnet", encoder_name="vgg11_narrow", encoder_weights=None, classes=4)
    network(torch.rand(2, 3, 33, 47)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())
