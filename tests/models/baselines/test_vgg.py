"""The properties that all networks built on a VGG share: sizes, initial weights and errors."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close

import feedbackward as fb

NAMES = ["segnet", "fcn8s", "deeplab_largefov"]


@pytest.fixture(scope="module")
def vgg11(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A file of weights under timm's names, and those weights."""
    path = tmp_path_factory.mktemp("weights") / "narrow.safetensors"
    torch.manual_seed(0)
    weights = timm.create_model("vgg11_narrow").state_dict()
    save_file(weights, path)
    return path, weights


@pytest.mark.parametrize(
    ("name", "millions"), [("segnet", 29.4), ("fcn8s", 134.5), ("deeplab_largefov", 20.5), ("vgg16_pwn", 14.7)]
)
def test_parameters_of_the_papers_table_1(name: str, millions: float) -> None:
    with torch.device("meta"):
        network = fb.create_model(name, encoder_weights=None, classes=19)
    assert round(sum(weight.numel() for weight in network.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize("size", [(1, 1), (33, 20), (65, 97)])
@pytest.mark.parametrize("name", NAMES)
def test_images_of_any_size(name: str, size: tuple[int, int]) -> None:
    network = fb.create_model(name, encoder_name="vgg11_narrow", encoder_weights=None, classes=5, in_channels=2).eval()
    with torch.no_grad():
        assert network(torch.rand(2, 2, *size)).shape == (2, 5, *size)


@pytest.mark.parametrize("name", NAMES)
def test_convolutions_are_the_file_s(name: str, vgg11: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, weights = vgg11
    network = fb.create_model(name, encoder_name="vgg11_narrow", encoder_weights=path, classes=5)
    ours = [layer.weight for layer in network.encoder.modules() if isinstance(layer, nn.Conv2d)]
    theirs = [weights[f"features.{index}.weight"] for index in (0, 3, 6, 8, 11, 13, 16, 18)]
    assert len(ours) == len(theirs)
    assert all(torch.equal(mine, other) for mine, other in zip(ours, theirs, strict=True))


def test_fully_connected_layers_are_the_file_s(vgg11: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, weights = vgg11
    fcn = fb.create_model("fcn8s", encoder_name="vgg11_narrow", encoder_weights=path, classes=5)
    deeplab = fb.create_model("deeplab_largefov", encoder_name="vgg11_narrow", encoder_weights=path, classes=5)
    fc6, fc7 = weights["pre_logits.fc1.weight"], weights["pre_logits.fc2.weight"]
    assert torch.equal(fcn.fc6.weight, fc6)
    assert torch.equal(fcn.fc7.weight, fc7)
    assert deeplab.fc6.weight.shape == (16, 64, 3, 3)
    assert torch.equal(deeplab.fc6.weight[5, 7], fc6[20, 7, (0, 3, 6)][:, (0, 3, 6)])
    assert torch.equal(deeplab.fc6.bias[5], weights["pre_logits.fc1.bias"][20])
    assert torch.equal(deeplab.fc7.weight[5, 7], fc7[20, 28])


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_network_returns_the_same_logits(name: str, tmp_path: Path) -> None:
    network = fb.create_model(name, encoder_name="vgg11_narrow", encoder_weights=None, classes=3).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.03)
    network.save_pretrained(tmp_path)
    image = torch.rand(1, 3, 40, 50)
    with torch.no_grad():
        assert torch.equal(fb.from_pretrained(tmp_path)(image), network(image))


@pytest.mark.parametrize("name", NAMES)
def test_another_encoder_is_refused(name: str) -> None:
    with pytest.raises(
        fb.InputError, match=r"'resnet10t': this network is built on a VGG; give vgg16 .* with its own decoder"
    ):
        fb.create_model(name, encoder_name="resnet10t", encoder_weights=None, classes=19)


def test_existing_norms_absorb_the_biases() -> None:
    """In evaluation mode the encoder of a VGG with batch norms computes the same as with its biases."""
    torch.manual_seed(0)
    theirs = timm.create_model("vgg11_bn").double().eval()
    for layer in theirs.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean)
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.bias)
    expected = theirs.features(image := torch.rand(1, 3, 64, 64, dtype=torch.float64))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("feedbackward.models.baselines.vgg.create_encoder", lambda *_, **__: theirs)
        network = fb.create_model("segnet", encoder_name="vgg11_bn", encoder_weights=None, classes=19).double().eval()
    for block in network.encoder:
        image = nn.functional.max_pool2d(block(image), 2)
    assert all(layer.bias is None for layer in network.encoder.modules() if isinstance(layer, nn.Conv2d))
    assert_close(image, expected)
