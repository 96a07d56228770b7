"""The names of networks, and the networks built from them."""

from dataclasses import replace

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate, images_seen
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models import Feedbackward, create_model
from feedbackward.preprocessing import Resize

OURS = "feedbackward/test_resnet?retrace=transitions&output_stride=2"
PEER = "smp/FPN/mobilenet_v2"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (
            OURS,
            {"encoder_name": "test_resnet", "decoder": DecoderConfig(retrace="transitions", output_stride=2).to_dict()},
        ),
        (
            "feedbackward/test_resnet?output_stride=image&freeze_encoder=true",
            {"decoder": DecoderConfig(retrace="all", output_stride="image").to_dict(), "freeze_encoder": True},
        ),
        ("segnet?encoder_name=vgg11", {"model": "segnet", "encoder_name": "vgg11"}),
        (PEER, {"architecture": "FPN", "encoder_name": "mobilenet_v2"}),
        ("torchvision/lraspp_mobilenet_v3_large", {"name": "lraspp_mobilenet_v3_large"}),
        ("timm/test_resnet", {"encoder_name": "test_resnet"}),
    ],
)
def test_a_name_builds_its_network(name, config):
    network = create_candidate(name, classes=5)
    assert not network.training
    assert config.items() <= network.config.items()
    logits = network(torch.rand(1, 3, 45, 70))
    assert logits.shape == ((1, 96, 2, 3) if name.startswith("timm") else (1, 5, 45, 70))


def test_a_path_loads_a_saved_network(tmp_path):
    create_candidate(OURS, classes=4).save_pretrained(tmp_path)
    assert create_candidate(str(tmp_path)).classes == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("segnett", "unknown network 'segnett'; expected a model such as vgg16_pwn or segnet, feedbackward/ENCODER"),
        ("", "unknown network ''; expected"),
        ("smp/Unet", "unknown network 'smp/Unet'; expected a model"),
        ("runs/a/model", "no such file or folder: runs/a/model; expected"),
        ("out.onnx", "no such file or folder: out.onnx; expected"),
        ("smp/Unett/resnet18", "segmentation_models_pytorch has no architecture Unett; did you mean Unet"),
        ("smp/create_model/resnet18", "has no architecture create_model; expected one of Unet, "),
        ("smp/Unet/resnet", "has no encoder resnet besides timm's, tu-NAME; did you mean resnet"),
        ("smp/Unet/tu-test_resnett", "unknown encoder 'tu-test_resnett'; after tu-, did you mean test_resnet"),
        ("smp/DPT/resnet18", "cannot build DPT on resnet18 .*; use other names"),
        ("torchvision/unet", "torchvision has no segmentation network unet; it has deeplabv3_mobilenet_v3_large"),
        ("timm/test_resnett", "unknown encoder 'test_resnett'"),
    ],
)
def test_an_unknown_name_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        create_candidate(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "feedbackward/test_resnet?stride=2",
            "test_resnet has no option 'stride'; did you mean head_strides or output_stride",
        ),
        ("feedbackward/test_resnet?address=x", "has no option 'address'; expected one of permute, "),
        ("vgg16_pwn?foo=1", "vgg16_pwn has no option 'foo'"),
        ("timm/test_resnet?name=x", "timm/test_resnet has no option 'name'; omit it"),
        ("torchvision/lraspp_mobilenet_v3_large?foo=1", "has no option 'foo'; omit it"),
        ("smp/Unet/resnet18?foo=1", "smp/Unet/resnet18 has no option 'foo'; expected one of activation, "),
        ("smp/Unet/resnet18?_foo=1", "has no option '_foo'"),
        ("smp/Unet/resnet18?aux_params=1", "has no option 'aux_params'"),
        ("smp/Unet/resnet18?architecture=FPN", "architecture='FPN': smp/Unet/resnet18 says it already"),
        ("smp/Unet/tu-test_resnet?foo=1", "smp/Unet/tu-test_resnet has no option 'foo'"),
        ("smp/Unet/tu-test_resnet?foo=null", "smp/Unet/tu-test_resnet has no option 'foo'"),
        ("smp/Unet/tu-test_resnet?pretrained=true", "has no option 'pretrained'"),
        ("feedbackward/test_resnet?classes=3", "classes=3: all networks have the same number of classes; omit"),
        ("timm/test_resnet?classes=3", "classes=3: all networks have the same number of classes; omit"),
        ("feedbackward/test_resnet?in_channels=5", "in_channels=5: the benchmark's images have 3 channels; omit"),
        ("smp/Unet/resnet18?encoder_weights=imagenet", "encoder_weights='imagenet': networks have random weights"),
        ("segnet?encoder_name=vgg11&grad_checkpointing=true", "segnet has no gradient checkpointing"),
    ],
)
def test_an_unknown_option_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        create_candidate(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("feedbackward/test_resnet?grad_checkpointing=no", "grad_checkpointing='no'; expected true or false"),
        ("feedbackward/test_resnet?freeze_encoder=0", "freeze_encoder=0: expected true, false or weights"),
        ("smp/FPN/resnet18?freeze_encoder=no", "freeze_encoder='no': expected true or false"),
        ("smp/DeepLabV3/resnet18?decoder_aspp_separable=no", "decoder_aspp_separable='no': expected true or false"),
        ("smp/Unet/resnet18?encoder_depth=9", r"with encoder_depth=9 \(.* got 9\); use other values"),
        ("smp/Unet/resnet18?decoder_channels=5", "cannot build Unet on resnet18 with decoder_channels=5"),
        ("segnet?encoder_name=5", "encoder_name=5: expected a name"),
        ("feedbackward/test_resnet?retrace=all&retrace=stages", "retrace is given twice, as 'all' and 'stages'"),
        ("feedbackward/test_resnet?rank", "option 'rank'; expected NAME=VALUE"),
        ("feedbackward/test_resnet?rank=", "option 'rank='; expected NAME=VALUE"),
        ("feedbackward/test_resnet?", "option ''; expected NAME=VALUE"),
    ],
)
def test_a_wrong_value_of_an_option_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        create_candidate(name)


def test_a_saved_network_has_no_options(tmp_path):
    with pytest.raises(InputError, match=r"a saved network has no options; give .*"):
        create_candidate(f"{tmp_path}?rank=4")


@pytest.mark.parametrize("value", [True, False])
def test_checkpointing_is_switched(value, monkeypatch):
    switched = []
    monkeypatch.setattr(Feedbackward, "set_grad_checkpointing", lambda self: switched.append(self))
    network = create_candidate(f"feedbackward/test_resnet?grad_checkpointing={str(value).lower()}")
    assert switched == [network] * value


def test_a_peer_passes_options_on_to_timm():
    network = create_candidate("smp/Unet/tu-test_resnet?encoder_depth=4&decoder_channels=[8,8,8,8]&drop_path_rate=0.1")
    assert network.config["drop_path_rate"] == 0.1


def test_a_peer_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("feedbackward.benchmark.peers.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'feedbackward\[benchmark\]'"):
        create_candidate(PEER)


@pytest.mark.parametrize("size", [(32, 64), (33, 47)])
def test_peers_take_any_size(size):
    assert create_candidate(PEER, classes=5)(torch.rand(1, 3, *size)).shape == (1, 5, *size)


def test_images_have_the_size_that_a_trained_network_sees(tmp_path):
    network = create_candidate("feedbackward/test_resnet")
    network.preprocessing = replace(network.preprocessing, resize=Resize(longest_side=256))
    network.save_pretrained(tmp_path)
    assert images_seen(["segnet", str(tmp_path)]) == (
        (128, 256),
        f"images of 128x256, as {tmp_path} sees images of 512x1024",
    )
    assert images_seen(["segnet"]) == ((512, 1024), "")


def test_images_of_other_channels_are_refused(tmp_path):
    create_model("test_resnet", classes=4, encoder_weights=None, in_channels=4).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="takes images of 4 channels; the benchmark's images have 3"):
        images_seen([str(tmp_path)])
