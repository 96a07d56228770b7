"""retrace="auto": the layers of the decoder follow from the cost of the encoder."""

import pytest
import torch
from torch import nn

import feedbackward as fb
from feedbackward.transform import trace
from feedbackward.transform.chosen_layers import flops_per_pixel


def test_flops_for_each_pixel_of_the_image() -> None:
    encoder = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 1, stride=2))
    assert flops_per_pixel(trace(encoder), channels=3) == 2 * (3 * 8 * 9 / 4 + 8 * 16 / 16)


@pytest.mark.parametrize(
    ("encoder", "layers"),
    [
        ("tf_efficientnet_lite0", "all"),
        ("resnet18", "all"),
        ("resnet50", "transitions"),
        ("vgg16", "transitions"),
        ("convmixer_768_32", "all"),  # heavy, but its first layer is its only transition
    ],
)
@pytest.mark.parametrize("freeze_encoder", [False, True])
def test_a_heavy_encoder_has_only_transitions(encoder: str, layers: str, freeze_encoder: bool) -> None:
    with torch.device("meta"):
        network = fb.create_model(encoder, classes=2, encoder_weights=None, freeze_encoder=freeze_encoder)
    assert network.decoder_config.retrace == network.config["decoder"]["retrace"] == layers


def test_what_is_given_is_not_chosen() -> None:
    every = fb.DecoderConfig(retrace="all")
    with torch.device("meta"):
        network = fb.create_model("resnet50", classes=2, encoder_weights=None, decoder=every)
    assert network.decoder_config == every


def test_a_saved_network_keeps_the_choice(tmp_path, monkeypatch) -> None:
    """Also where it would be another one by now."""
    fb.create_model("test_resnet", classes=2, encoder_weights=None).save_pretrained(tmp_path)
    monkeypatch.setattr("feedbackward.transform.chosen_layers.HEAVY", 0)
    assert fb.create_model("test_resnet", classes=2, encoder_weights=None).decoder_config.retrace == "transitions"
    assert fb.from_pretrained(tmp_path).decoder_config.retrace == "all"
