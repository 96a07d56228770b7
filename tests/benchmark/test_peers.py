"""Peers see images as the encoder's weights expect, and start from the same weights as ours."""

import pytest
import timm
import torch
from torch.testing import assert_close

from feedbackward.benchmark.peers import SmpNetwork
from feedbackward.models import create_model

ENCODERS = ("tf_efficientnet_lite0", "mobilenetv2_100")
"""Their weights expect other means and deviations."""


@pytest.mark.parametrize("encoder", ENCODERS)
def test_they_normalize_images_as_our_network_on_the_encoder(encoder):
    ours = create_model(encoder, classes=3, encoder_weights=None).preprocessing
    peer = SmpNetwork("Unet", f"tu-{encoder}", encoder_weights=None, classes=3)
    assert peer.preprocessing == ours
    again = {key: value for key, value in peer.config.items() if key not in ("preprocessing", "model")}
    assert SmpNetwork(**again, encoder_weights=None).preprocessing == ours


@pytest.mark.parametrize("name", ["mobilenetv2_050", "vgg11"])
def test_they_start_from_the_weights_of_a_file(name, tmp_path):
    torch.manual_seed(0)
    encoder = timm.create_model(name)
    # As files of VGG often are: without the layers of its classifier.
    kept = {key: value for key, value in encoder.state_dict().items() if not key.startswith("pre_logits")}
    torch.save(kept, tmp_path / "encoder.pth")
    peer = SmpNetwork("Unet", f"tu-{name}", encoder_weights=str(tmp_path / "encoder.pth"), classes=3).eval()
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        *_, expected = encoder.eval().forward_intermediates(image, intermediates_only=True)
        *_, found = peer.network.encoder(image)
    assert_close(found, expected)


def test_a_frozen_encoder_does_not_change():
    torch.manual_seed(0)
    peer = SmpNetwork("FPN", "tu-mobilenetv2_050", encoder_weights=None, classes=3, freeze_encoder=True).train()
    before = {name: tensor.clone() for name, tensor in peer.network.encoder.state_dict().items()}
    optimizer = torch.optim.SGD(peer.parameters(), lr=0.1)
    peer(torch.rand(2, 3, 64, 96)).square().sum().backward()
    optimizer.step()
    assert_close(dict(peer.network.encoder.state_dict()), before, rtol=0, atol=0)
    assert any(weight.grad is not None for weight in peer.network.decoder.parameters())
