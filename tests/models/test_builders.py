"""Networks by name, and each error that a wrong name or file causes."""

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable

SMALL = {"encoder_name": "test_resnet", "encoder_weights": None, "classes": 2}


def test_every_listed_model_has_a_configuration_that_builds_it_again() -> None:
    assert {"vgg16_pwn", "vgg16_pwp", "feedbackward"} <= set(fb.list_models())
    network = fb.create_model("feedbackward", **SMALL, permute="possible", output_stride=2)
    again = fb.create_model(network.config["model"], **{k: v for k, v in network.config.items() if k != "model"})
    assert again.config == network.config
    assert again.state_dict().keys() == network.state_dict().keys()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vgg16_pnw", {}, r"unknown model 'vgg16_pnw'; did you mean .*vgg16_pwn"),
        (
            "feedbackward",
            {**SMALL, "encoder_name": "resnt18"},
            r"unknown encoder 'resnt18'; did you mean resnet18",
        ),
        ("feedbackward", {**SMALL, "encoder_name": "vgg16.tv_in2k"}, r"unknown encoder .* vgg16\.tv_in1k"),
        ("feedbackward", {**SMALL, "classes": 0}, r"classes=0: expected 1 or more"),
        ("feedbackward", {**SMALL, "in_channels": -1}, r"in_channels=-1: expected 1 or more"),
        (
            "feedbackward",
            {**SMALL, "encoder_name": "mobilevit_xxs", "encoder_weights": "imagenet"},
            r"no rule for 3 of its operations:\n(  stages_\d_1: timm.models.mobilevit.MobileVitBlock\n){3}",
        ),
        (
            "feedbackward",
            {**SMALL, "encoder_name": "vit_tiny_patch16_224"},
            r"not laid out as an image: .*\(2, 257, 192\)",
        ),
        ("feedbackward", {**SMALL, "encoder_name": "maxvit_tiny_tf_224"}, r"does not run on images of 256x256"),
        ("feedbackward", {**SMALL, "encoder_name": "crossvit_9_240"}, r"features are several tensors"),
        (
            "feedbackward",
            {**SMALL, "permute": "never"},
            r"permute='never': expected one of 'necessary', 'possible'",
        ),
        (
            "feedbackward",
            {**SMALL, "retrace": "some"},
            r"retrace='some': expected one of 'all', 'transitions'",
        ),
        ("vgg16_pwn", {"freeze_encoder": True}, r"encoder's new norms could not be trained; .* encoder_norm='own'"),
        ("feedbackward", {**SMALL, "decoder_norm": "layer"}, r"decoder_norm='layer': expected one of 'batch', 'group'"),
        ("feedbackward", {**SMALL, "color": 1}, r"options of model 'feedbackward': .*'color'"),
        ("feedbackward", {**SMALL, "output_stride": 3}, r"output_stride=3: .*choose one of"),
        ("feedbackward", {**SMALL, "encoder_weights": "none.pth"}, r"there is no file 'none\.pth'"),
        (
            "feedbackward",
            {**SMALL, "encoder_name": "efficientnet_b8", "encoder_weights": "imagenet"},
            r"no pretrained weights",
        ),
    ],
)
def test_bad_arguments_are_named_with_what_to_do(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(fb.InputError, match=message):
        fb.create_model(name, **options)


def test_pretrained_weights_come_from_the_cache_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    cached = timm.create_model("test_resnet")  # its classifier included
    repository, commit = tmp_path / "models--timm--test_resnet.r160_in1k", 40 * "0"
    for folder in ("refs", f"snapshots/{commit}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    save_file(cached.state_dict(), repository / "snapshots" / commit / "model.safetensors")
    network = fb.create_model("feedbackward", **{**SMALL, "encoder_weights": "imagenet"})
    without_classifier = {name: tensor for name, tensor in cached.state_dict().items() if not name.startswith("fc.")}
    assert_close(dict(network.encoder.state_dict()), without_classifier)


def test_no_network_and_no_cache_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        fb.InputError,
        match=r"not in the cache .*give its path as encoder_weights, or use encoder_weights=None",
    ):
        fb.Feedbackward("resnet18")
    with pytest.raises(fb.InputError, match=r"neither a folder here nor a repository that can be had"):
        fb.from_pretrained("someone/something")


def test_a_plain_vgg_s_weights_are_the_file_s(tmp_path: Path) -> None:
    theirs = timm.create_model("vgg11")
    save_file(theirs.state_dict(), tmp_path / "vgg11.safetensors")
    ours = fb.Feedbackward("vgg11", encoder_weights=tmp_path / "vgg11.safetensors", encoder_norm="batch")
    for index in (0, 3, 6, 8, 11, 13, 16, 18):
        assert torch.equal(ours.encoder.get_submodule(f"features.{index}").weight, theirs.features[index].weight)


def test_the_first_layer_of_local_weights_is_adapted_to_other_channels(tmp_path: Path) -> None:
    theirs = timm.create_model("resnet10t")
    torch.save(theirs.state_dict(), tmp_path / "resnet10t.pth")
    gray = fb.Feedbackward("resnet10t", encoder_weights=tmp_path / "resnet10t.pth", in_channels=1)
    assert_close(gray.encoder.get_submodule("conv1.0").weight, theirs.conv1[0].weight.sum(1, keepdim=True))
    assert gray.normalization.mean == pytest.approx((0.449,))


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "other.safetensors")
    whole = (tmp_path / "other.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    torch.save(timm.create_model("test_resnet"), tmp_path / "code.pth")
    for file in ("other.safetensors", "half.safetensors", "code.pth"):
        with pytest.raises(fb.InputError, match=rf"{file}' does not hold weights of timm's 'resnet10t'"):
            fb.Feedbackward("resnet10t", encoder_weights=tmp_path / file)


def test_a_saved_folder_holds_its_classes_and_no_word_of_pretrained_weights(tmp_path: Path) -> None:
    network = fb.create_model("feedbackward", **SMALL)
    network.class_table = ClassTable(("road", "sky"), ((1, 2, 3), (4, 5, 6)))
    network.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["encoder_weights"] is None
    assert fb.from_pretrained(tmp_path / "saved").class_table == network.class_table
    assert fb.Feedbackward.from_pretrained(tmp_path / "saved").class_table == network.class_table


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    fb.create_model("feedbackward", **SMALL).save_pretrained(tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    described = config.read_text()
    config.write_text(described.replace('"feedbackward"', '"unheard_of"'))
    with pytest.raises(fb.InputError, match=r"config\.json: not the configuration"):
        fb.from_pretrained(tmp_path)
    config.write_text(described.replace('"classes": 2', '"classes": 3'))
    with pytest.raises(fb.InputError, match=r"model\.safetensors: does not hold the tensors"):
        fb.from_pretrained(tmp_path)
    config.write_text(described)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(fb.InputError, match=r"model\.safetensors: does not hold the tensors"):
        fb.from_pretrained(tmp_path)
    weights.unlink()
    with pytest.raises(fb.InputError, match=r"there is no model\.safetensors in it"):
        fb.from_pretrained(tmp_path)


def test_saved_weights_can_be_read_by_whoever_can_read_their_description(tmp_path: Path) -> None:
    fb.create_model("feedbackward", **SMALL).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_mode == (tmp_path / "config.json").stat().st_mode
