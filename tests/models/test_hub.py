"""Saving networks and loading them again, and each error that a wrong file causes."""

import copy
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.decoder_config import DecoderConfig
from feedbackward.models import SegNet

IMAGE = torch.rand(1, 3, 64, 96)


def small() -> fb.Feedbackward:
    return fb.create_model("test_resnet", classes=2, encoder_weights=None, decoder=DecoderConfig(permute="possible"))


@pytest.mark.parametrize("name", ["test_resnet", "segnet"])
def test_a_loaded_network_computes_the_same(name: str, tmp_path: Path) -> None:
    encoder = {"encoder_name": "vgg11"} if name == "segnet" else {}
    network = fb.create_model(name, classes=2, encoder_weights=None, **encoder).eval()
    network.save_pretrained(tmp_path)
    loaded = fb.from_pretrained(tmp_path)
    assert loaded.config == network.config
    assert_close(loaded(IMAGE), network(IMAGE))


def test_the_options_of_the_decoder_are_saved(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["decoder"]["permute"] == "possible"
    assert fb.from_pretrained(tmp_path).decoder_config.permute == "possible"


def test_the_class_table_is_saved(tmp_path: Path) -> None:
    network = small()
    network.class_table = ClassTable(("road", "sky"), ((1, 2, 3), (4, 5, 6)))
    network.save_pretrained(tmp_path)
    assert fb.from_pretrained(tmp_path).class_table == network.class_table
    assert fb.Feedbackward.from_pretrained(tmp_path).class_table == network.class_table


def test_weights_are_as_readable_as_the_configuration(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "config.json").stat().st_mode


@pytest.fixture
def convnet() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1))


@pytest.fixture
def on_own_module(convnet: nn.Module, tmp_path: Path) -> tuple[fb.Feedbackward, Path]:
    preprocessing = fb.Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    network = fb.Feedbackward(
        convnet, classes=2, decoder=DecoderConfig(output_stride=2), preprocessing=preprocessing
    ).eval()
    network.save_pretrained(tmp_path)
    return network, tmp_path


def test_a_network_on_a_custom_module_is_loaded_with_that_module(on_own_module, convnet: nn.Module) -> None:
    network, folder = on_own_module
    fresh = copy.deepcopy(convnet)
    for weight in fresh.parameters():
        nn.init.zeros_(weight)
    loaded = fb.from_pretrained(folder, encoder=fresh)
    assert loaded.preprocessing == network.preprocessing
    assert_close(loaded(IMAGE), network(IMAGE))


def test_without_the_module_it_is_refused(on_own_module) -> None:
    with pytest.raises(fb.InputError, match=r"encoder is a module of your own; give one: .*encoder=MODULE"):
        fb.from_pretrained(on_own_module[1])


def test_another_module_is_refused(on_own_module, convnet: nn.Module) -> None:
    with pytest.raises(fb.InputError, match=r"does not contain the tensors"):
        fb.from_pretrained(on_own_module[1], encoder=nn.Sequential(*list(convnet)[:2], nn.Conv2d(8, 24, 3, padding=1)))


def test_a_module_for_an_encoder_that_is_built_by_name_is_refused(convnet: nn.Module, tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    with pytest.raises(fb.InputError, match=r"timm's test_resnet, which is built by name; omit encoder"):
        fb.from_pretrained(tmp_path, encoder=convnet)


@pytest.mark.parametrize(
    ("found", "written", "message"),
    [
        ('"model": "feedbackward"', '"model": "unheard_of"', r"config\.json does not describe a network"),
        ('"format": 4', '"format": 1', r"has format 1, and this version of feedbackward reads format 4"),
        ('"format": 4,', "", r"has format 1, and this version of feedbackward reads format 4"),
        ('"classes": 2', '"classes": 3', r"model\.safetensors does not contain the tensors"),
        ('"permute": "possible"', '"permute": "never"', r"config\.json: permute='never': expected one of"),
        ('"permute": "possible",', "", r"config\.json: missing decoder options permute"),
        ('"permute"', '"permuted"', r"config\.json: unknown decoder options permuted"),
        ("{", "[", r"config\.json is not valid JSON"),
        ('"channels": "RGB"', '"channels": "rgb"', r"config\.json: channels is 'rgb'; expected"),
        ('"resize"', '"resizes"', r"config\.json: preprocessing has .*resizes; expected mean"),
        ('"in_channels": 3', '"in_channels": 4', r"config\.json: the preprocessing is for 3 channels, .* takes 4"),
    ],
)
def test_a_damaged_configuration_is_refused(found: str, written: str, message: str, tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    assert found in config.read_text()
    config.write_text(config.read_text().replace(found, written, 1))
    with pytest.raises(fb.InputError, match=message):
        fb.from_pretrained(tmp_path)


def test_a_class_table_of_other_classes_is_refused(tmp_path: Path) -> None:
    network = small()
    network.class_table = ClassTable(("road", "sky", "car"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
    network.save_pretrained(tmp_path)
    with pytest.raises(fb.InputError, match="the class table names 3 classes, and the network has 2"):
        fb.from_pretrained(tmp_path)


def test_the_message_about_other_tensors_is_one_line(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"classes": 2', '"classes": 3'))
    with pytest.raises(fb.InputError, match=r"^[^\n]*of another shape[^\n]*$"):
        fb.from_pretrained(tmp_path)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(fb.InputError, match=r"model\.safetensors is not a valid safetensors file"):
        fb.from_pretrained(tmp_path)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(fb.InputError, match=r"contains no model\.safetensors"):
        fb.from_pretrained(tmp_path)


@pytest.mark.parametrize("load", [fb.from_pretrained, fb.Feedbackward.from_pretrained])
def test_options_that_the_saved_network_determines_are_refused(load, tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    with pytest.raises(
        fb.InputError, match=r"has no in_channels: .*create_model\(\.\.\., encoder_weights=.*, in_channels=5\)"
    ):
        load(tmp_path, in_channels=5)
    with pytest.raises(fb.InputError, match=r"has no decoder, in_channels"):
        load(tmp_path, decoder=DecoderConfig(), in_channels=2)
    with pytest.raises(fb.InputError, match=r"revision='v1': .* is a local folder"):
        load(tmp_path, revision="v1")


def test_options_of_the_hub_are_accepted_for_a_folder_too(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    assert fb.from_pretrained(tmp_path, local_files_only=True).classes == 2


def test_a_network_of_another_class_is_refused(tmp_path: Path) -> None:
    small().save_pretrained(tmp_path)
    with pytest.raises(fb.InputError, match=r"is a Feedbackward, not a SegNet; use fb\.from_pretrained"):
        SegNet.from_pretrained(tmp_path)
