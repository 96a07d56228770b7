"""Networks by name, and each error that a wrong name or file causes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import FOR_FROZEN, PAPER, DecoderConfig
from feedbackward.models import create_encoder
from feedbackward.transform import trace, transpose

SMALL = {"encoder_weights": None, "classes": 2}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vgg16_pnw", {}, r"unknown model 'vgg16_pnw'; did you mean .*vgg16_pwn"),
        ("resnt18", {}, r"unknown model 'resnt18'; did you mean resnet18"),
        ("vgg16.tv_in2k", {}, r"unknown encoder .* vgg16\.tv_in1k"),
        ("test_resnet", {"classes": 0}, r"classes=0: expected 1 or more"),
        ("test_resnet", {"in_channels": -1}, r"in_channels=-1: expected 1 or more"),
        (
            "mobilevit_xxs",
            {"encoder_weights": "imagenet"},
            r"no rule for 3 of its operations:\n(  stages_\d_1: timm.models.mobilevit.MobileVitBlock\n){3}",
        ),
        ("vit_tiny_patch16_224", {}, r"not laid out as an image: .*\(2, 257, 192\)"),
        ("maxvit_tiny_tf_224", {}, r"does not run on images of 256x256"),
        ("crossvit_9_240", {}, r"features are several tensors"),
        ("test_resnet", {"encoder_norm": "layer"}, r"encoder_norm='layer': expected one of 'own', 'batch'"),
        ("vgg16_pwn", {"freeze_encoder": True}, r"encoder's new norms would never be trained; .* encoder_norm='own'"),
        ("vgg16_pwn", {"decoder": DecoderConfig()}, r"vgg16_pwn has its own decoder; .* name 'vgg16'"),
        ("segnet", {"decoder": DecoderConfig()}, r"segnet has no decoder"),
        ("resnet18", {"encoder_name": "vgg16"}, r"encoder_name='vgg16': resnet18 is an encoder itself"),
        ("test_resnet", {"decoder": DecoderConfig(output_stride=3)}, r"output_stride=3: .*choose one of"),
        ("lcnet_035", {"encoder_weights": "imagenet"}, r"no pretrained weights"),
        # Refused before the weights are fetched, which cannot be reached here.
        (
            "resnet18",
            {"encoder_weights": "imagenet", "decoder": DecoderConfig(output_stride=32)},
            r"output_stride=32 with output_feature='first': no layer of this encoder is decoded before",
        ),
    ],
)
def test_bad_arguments_are_named_with_what_to_do(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(fb.InputError, match=message):
        fb.create_model(name, **{**SMALL, **options})


def test_any_encoder_is_a_model() -> None:
    network = fb.create_model("resnet10t", **SMALL)
    assert (network.config["encoder_name"], network.classes) == ("resnet10t", 2)


@pytest.mark.parametrize(("name", "permute"), [("vgg16_pwn", "necessary"), ("vgg16_pwp", "possible")])
def test_the_presets_are_the_paper_s(name: str, permute: str) -> None:
    with torch.device("meta"):
        network = fb.create_model(name, **SMALL)
    assert network.decoder_config == replace(PAPER, permute=permute)
    assert network.config["encoder_norm"] == "batch"


@pytest.mark.parametrize("name", ["convmixer_768_32", "nasnetalarge", "samvit_base_patch16"])
def test_an_encoder_without_a_feature_of_stride_4_ends_at_the_nearest_stride(name: str) -> None:
    with torch.device("meta"):
        found = transpose(trace(create_encoder(name, weights=None, in_channels=3)), DecoderConfig())
    assert found.stride == {"convmixer_768_32": 8, "nasnetalarge": 2, "samvit_base_patch16": 16}[name]


@pytest.mark.parametrize(
    ("name", "stride"),
    [("tf_efficientnet_lite0", 2), ("test_resnet", 2), ("convnext_atto", 4), ("convmixer_768_32", 8)],
)
def test_a_fine_decoder_ends_at_stride_2_or_the_nearest_one(name: str, stride: int) -> None:
    with torch.device("meta"):
        encoder = trace(create_encoder(name, weights=None, in_channels=3))
        assert transpose(encoder, DecoderConfig(output_stride="fine")).stride == stride


def test_pretrained_weights_come_from_the_cache_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    cached = timm.create_model("test_resnet")  # its classifier included
    repository, commit = tmp_path / "models--timm--test_resnet.r160_in1k", 40 * "0"
    for folder in ("refs", f"snapshots/{commit}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    save_file(cached.state_dict(), repository / "snapshots" / commit / "model.safetensors")
    network = fb.create_model("test_resnet", classes=2)
    without_classifier = {name: tensor for name, tensor in cached.state_dict().items() if not name.startswith("fc.")}
    assert_close(dict(network.encoder.state_dict()), without_classifier)


def test_without_network_and_cache_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        fb.InputError,
        match=r"not in the cache .*give its path as encoder_weights, or use encoder_weights=None",
    ):
        fb.create_model("resnet18", classes=19)
    with pytest.raises(fb.InputError, match=r"neither a local path nor available on the hub: it is not in the cache"):
        fb.from_pretrained("someone/something")


def test_a_plain_vgg_s_weights_are_the_file_s(tmp_path: Path) -> None:
    theirs, file = timm.create_model("vgg11_narrow"), tmp_path / "weights.safetensors"
    save_file(theirs.state_dict(), file)
    ours = fb.create_model("vgg11_narrow", encoder_weights=file, encoder_norm="batch", classes=19)
    for index in (0, 3, 6, 8, 11, 13, 16, 18):
        assert torch.equal(ours.encoder.get_submodule(f"features.{index}").weight, theirs.features[index].weight)


def test_a_frozen_encoder_has_a_decoder_with_a_part_of_its_own_unless_told_otherwise() -> None:
    def decoder(**options: Any) -> DecoderConfig:
        return fb.create_model("test_resnet", classes=3, encoder_weights=None, **options).decoder_config

    light = {"retrace": "all"}
    assert decoder() == DecoderConfig(**light)
    assert decoder(freeze_encoder=True) == decoder(freeze_encoder="weights") == replace(FOR_FROZEN, **light)
    assert decoder(freeze_encoder=True, decoder=DecoderConfig()) == DecoderConfig(**light)
