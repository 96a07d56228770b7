"""DeepLab-LargeFOV against a plain network written out by hand, and against the VGG from which it was built."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb

BLOCKS = [[0], [0], [0, 2], [0, 2], [0, 2]]  # the positions of the convolutions in each block of a VGG-11


def by_hand(state: dict[str, Tensor], image: Tensor) -> Tensor:
    def conv(x: Tensor, name: str, **options: int) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    x = image
    for number, block in enumerate(BLOCKS):
        dilation = 2 if number == 4 else 1
        for index in block:
            x = F.relu(conv(x, f"encoder.{number}.{index}", padding=dilation, dilation=dilation))
        x = F.max_pool2d(x, 3, stride=2 if number < 3 else 1, padding=1)
    x = F.avg_pool2d(x, 3, stride=1, padding=1)
    x = F.relu(conv(F.relu(conv(x, "fc6", padding=12, dilation=12)), "fc7"))
    return F.interpolate(conv(x, "head"), size=image.shape[2:], mode="bilinear", align_corners=True)


def test_it_is_the_network_of_the_paper() -> None:
    torch.manual_seed(0)
    network = (
        fb.create_model("deeplab_largefov", encoder_name="vgg11_narrow", encoder_weights=None, classes=4)
        .double()
        .eval()
    )
    image = torch.rand(2, 3, 65, 97, dtype=torch.float64)
    with torch.no_grad():
        assert_close(network(image), by_hand(network.state_dict(), image))


@pytest.mark.parametrize("size", [96, 97])
def test_logits_are_aligned_with_the_image(size: int) -> None:
    """The logits of a blob are centered on it, at even sizes too."""
    network = fb.create_model("deeplab_largefov", encoder_name="vgg11_narrow", encoder_weights=None, classes=1).eval()
    for weight in network.parameters():
        nn.init.constant_(weight, 0.01 if weight.ndim == 4 else 0.0)
    nn.init.zeros_(network.fc6.weight)
    nn.init.constant_(network.fc6.weight[:, :, 1, 1], 0.01)
    image = torch.zeros(1, 3, size, size)
    image[..., 47:50, 47:50] = 1
    with torch.no_grad():
        scores = network(image)[0, 0]
    rows = scores.sum(1)
    assert_close((rows * torch.arange(size)).sum() / rows.sum(), torch.tensor(48.0), atol=0.3, rtol=0)


def test_the_dilated_block_computes_what_it_did_after_the_fourth_pool() -> None:
    """Without the fourth pool, the dilated block equals the plain block on every second pixel."""
    network = fb.create_model("deeplab_largefov", encoder_name="vgg11_narrow", encoder_weights=None, classes=4).double()
    x = torch.rand(1, 64, 16, 16, dtype=torch.float64)
    dilated = network.encoder[4](x.clone())[..., ::2, ::2]
    for layer in network.encoder[4].modules():
        if isinstance(layer, nn.Conv2d):
            layer.dilation = layer.padding = (1, 1)
    assert_close(dilated, network.encoder[4](x[..., ::2, ::2].clone()))


def test_it_drops_half_of_the_features_in_training_and_every_parameter_trains() -> None:
    network = fb.create_model("deeplab_largefov", encoder_name="vgg11_narrow", encoder_weights=None, classes=4)
    image = torch.rand(2, 3, 33, 47)
    scores = network(image)
    assert not torch.equal(scores, network(image))
    scores.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())
