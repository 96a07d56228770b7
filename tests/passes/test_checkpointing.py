"""With checkpointing a network trains as without, and keeps less."""

import copy

import pytest
import torch
from torch import nn

import feedbackward as fb
from feedbackward.benchmark.training import saved_bytes
from feedbackward.decoder_config import DecoderConfig


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vgg11", {"encoder_norm": "batch", "decoder": DecoderConfig(output_stride="image")}),
        ("resnet18", {}),
        ("test_efficientnet", {"decoder": DecoderConfig(retrace="transitions")}),
        ("test_convnext", {"decoder": DecoderConfig(norm="group")}),
        ("densenet121", {"freeze_encoder": True}),
    ],
)
def test_the_same_step(name, options):
    torch.manual_seed(0)
    plain = fb.create_model(name, encoder_weights=None, classes=3, **options).double().train()
    sparing = copy.deepcopy(plain)
    sparing.set_grad_checkpointing()
    image = torch.rand(2, 3, 45, 71, dtype=torch.float64)
    logits = []
    for network in (plain, sparing):
        logits.append(network(image))
        logits[-1].square().sum().backward()
    assert torch.equal(*logits)
    for (path, found), expected in zip(sparing.named_parameters(), plain.parameters(), strict=True):
        assert (found.grad is None) == (expected.grad is None), path
        if found.grad is not None:
            torch.testing.assert_close(found.grad, expected.grad, msg=lambda text, path=path: f"{path}: {text}")
    for (path, found), expected in zip(sparing.named_buffers(), plain.buffers(), strict=True):
        assert torch.equal(found, expected), path  # no norm has counted the batch twice


def test_it_keeps_less():
    network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19).train()
    image = torch.rand(1, 3, 64, 96)
    before = saved_bytes(network, image)
    network.set_grad_checkpointing()
    assert saved_bytes(network, image) < 0.55 * before
    network.set_grad_checkpointing(False)
    assert saved_bytes(network, image) == before


def test_a_copy_trains_its_own_weights():
    network = fb.create_model("test_resnet", encoder_weights=None, classes=3).train()
    network.set_grad_checkpointing()
    other = copy.deepcopy(network)
    with torch.no_grad():
        for weight in other.parameters():
            nn.init.zeros_(weight)
    other(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(weight.grad is None for weight in network.parameters())
    assert network(torch.rand(2, 3, 64, 64)).std() > 0
