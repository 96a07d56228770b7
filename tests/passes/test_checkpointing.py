"""With gradient checkpointing a network trains as without, and saves less for the backward pass."""

import copy
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.benchmark.training import saved_bytes
from feedbackward.decoder_config import DecoderConfig

OPTIONS = {
    "vgg": {"encoder_norm": "batch", "decoder": DecoderConfig(output_stride="image")},
    "resnet": {},
    "efficientnet": {"decoder": DecoderConfig(retrace="transitions", head_input="both")},
    "convnext": {"decoder": DecoderConfig(norm="group")},
    "densenet": {"freeze_encoder": True},
    "byobnet": {"decoder": DecoderConfig(rank=4, head_channels=8, head_strides="all")},
}


class Step(NamedTuple):
    """A network after a backward pass, and the logits of its forward pass."""

    network: fb.Feedbackward
    logits: Tensor


@pytest.fixture(scope="module", params=OPTIONS)
def plain_and_checkpointed(request, create_encoder):
    torch.manual_seed(0)
    plain = fb.Feedbackward(create_encoder(request.param), classes=3, **OPTIONS[request.param]).double().train()
    checkpointed = copy.deepcopy(plain)
    checkpointed.set_grad_checkpointing()
    image = torch.rand(2, 3, 45, 71, dtype=torch.float64)
    steps = [Step(network, network(image)) for network in (plain, checkpointed)]
    for step in steps:
        step.logits.square().sum().backward()
    return steps


def test_the_logits_are_the_same(plain_and_checkpointed):
    plain, checkpointed = plain_and_checkpointed
    assert torch.equal(checkpointed.logits, plain.logits)


def test_the_gradients_are_the_same(plain_and_checkpointed):
    expected, found = (
        {name: parameter.grad for name, parameter in step.network.named_parameters() if parameter.grad is not None}
        for step in plain_and_checkpointed
    )
    assert len(expected) > 10
    assert_close(found, expected)


def test_no_norm_counts_a_batch_twice(plain_and_checkpointed):
    expected, found = (dict(step.network.named_buffers()) for step in plain_and_checkpointed)
    assert_close(found, expected, rtol=0, atol=0)


@pytest.fixture(scope="module")
def saved():
    """The bytes that the paper's network saves for the backward pass: without, with, and again without."""
    network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19).train()
    image = torch.rand(1, 3, 64, 96)
    counted = []
    for enable in (False, True, False):
        network.set_grad_checkpointing(enable)
        counted.append(saved_bytes(network, image))
    return counted


def test_it_saves_about_half_of_the_memory(saved):
    without, with_checkpointing, _ = saved
    assert with_checkpointing < 0.55 * without


def test_it_can_be_disabled(saved):
    before, _, after = saved
    assert after == before


def test_a_copy_trains_its_own_weights(create_encoder):
    network = fb.Feedbackward(create_encoder("resnet"), classes=3).train()
    network.set_grad_checkpointing()
    other = copy.deepcopy(network)
    with torch.no_grad():
        for weight in other.parameters():
            nn.init.zeros_(weight)
    other(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(weight.grad is None for weight in network.parameters())
    assert network(torch.rand(2, 3, 64, 64)).std() > 0
