"""The names of networks, and the networks built from them."""

from dataclasses import replace

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate, images_seen
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
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
            {"decoder": DecoderConfig(output_stride="image").to_dict(), "freeze_encoder": True},
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
        ("segnett", r"unknown network 'segnett'; expected one of these forms:\n  NAME "),
        ("smp/Unet", "unknown network 'smp/Unet'; expected one of these forms"),
        ("smp/Unett/resnet18", "segmentation_models_pytorch has no Unett on resnet18"),
        ("smp/Unet/resnet", "segmentation_models_pytorch has no Unet on resnet"),
        ("torchvision/unet", "torchvision has no segmentation network unet; it has deeplabv3_mobilenet_v3_large"),
        ("timm/test_resnett", "unknown encoder 'test_resnett'"),
        ("feedbackward/test_resnet?stride=2", "unexpected keyword argument 'stride'"),
        ("segnet?encoder_name=vgg11&grad_checkpointing=true", "segnet has no gradient checkpointing"),
    ],
)
def test_an_unknown_name_or_option_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        create_candidate(name)


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
    create_candidate("feedbackward/test_resnet?in_channels=4").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="takes images of 4 channels; the benchmark's images have 3"):
        images_seen([str(tmp_path)])
