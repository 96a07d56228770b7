"""Activation and skip connection in one operation: the same results, with less saved for the backward pass."""

import copy

import pytest
import torch
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.benchmark.training import saved_bytes
from feedbackward.models.feedbackward import segment
from feedbackward.nn import fuse, rectify_and_fuse
from feedbackward.passes import apply_passes, lean_skips


@pytest.mark.parametrize("name", ["resnet", "efficientnet", "vgg"])
def test_the_gradients_are_the_same(name, create_encoder):
    torch.manual_seed(0)
    lean = fb.Feedbackward(create_encoder(name), classes=3).double().train()
    plain = copy.deepcopy(lean)
    decode = apply_passes(plain.decoder_graph().graph, plain, ())
    image = torch.rand(2, 3, 45, 71, dtype=torch.float64)
    lean(image).square().sum().backward()
    segment(image, decode, plain.head, plain.sizes).square().sum().backward()
    found, expected = ({path: weight.grad for path, weight in net.named_parameters()} for net in (lean, plain))
    assert_close(found, expected)


@pytest.mark.parametrize(
    ("name", "merged"),
    [("resnet", True), ("efficientnet", False)],  # SiLU needs its input for the backward pass
)
def test_which_skip_connections_are_merged(name, merged, create_encoder):
    network = fb.Feedbackward(create_encoder(name), classes=3)
    graph = network.decoder_graph().graph
    changed = apply_passes(graph, network, [lean_skips]).graph
    before, left, lean = (
        len(g.find_nodes(op="call_function", target=target))
        for g, target in ((graph, fuse), (changed, fuse), (changed, rectify_and_fuse))
    )
    assert before > 0
    assert (left, lean) == ((0, before) if merged else (before, 0))


def test_less_is_saved_for_backward():
    network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19).train()
    image = torch.rand(1, 3, 64, 96)
    plain = apply_passes(network.decoder_graph().graph, network, ())
    assert saved_bytes(network, image) < 0.9 * saved_bytes(plain, image)
