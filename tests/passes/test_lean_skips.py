"""Activation and skip in one operation: the same numbers, of which less is kept."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import feedbackward as fb
from feedbackward.benchmark.training import saved_bytes
from feedbackward.models.feedbackward import segment
from feedbackward.nn import fuse, rectify_and_fuse
from feedbackward.passes import apply_passes, lean_skips


@pytest.mark.parametrize(("activation", "ceiling"), [(F.relu, float("inf")), (F.relu6, 6.0)])
def test_the_gradients_of_the_two_operations(activation, ceiling):
    torch.manual_seed(0)
    # On and around the corners, where a gradient is a choice: it has to be autograd's.
    signal = torch.cat([4 * torch.randn(2, 3, 5, 4, dtype=torch.float64).flatten(), torch.tensor([0.0, 6.0, -0.0])])
    signal, feature = signal.double().requires_grad_(), torch.randn(123, dtype=torch.float64).requires_grad_()
    weight = torch.randn(123, dtype=torch.float64)
    expected = activation(signal) + feature
    found = rectify_and_fuse(signal, feature, ceiling=ceiling)
    torch.testing.assert_close(found, expected)
    grads = [torch.autograd.grad((value * weight).sum(), (signal, feature)) for value in (found, expected)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_any_order_of_memory():
    torch.manual_seed(0)
    size, orders = (2, 5, 3, 7), (torch.contiguous_format, torch.channels_last)
    value, feature, weight = torch.randn(3, *size).unbind()
    for order in orders:
        signal = value.contiguous(memory_format=order).detach().requires_grad_()
        (rectify_and_fuse(signal, feature) * weight).sum().backward()
        torch.testing.assert_close(signal.grad, weight * (value > 0))


@pytest.mark.parametrize("name", ["test_resnet", "mobilenetv2_050", "test_efficientnet"])
def test_the_same_training_step(name):
    torch.manual_seed(0)
    lean = fb.create_model(name, encoder_weights=None, classes=3).double().train()
    plain = copy.deepcopy(lean)
    decode = apply_passes(plain.decoder_graph().graph, plain, ())
    image = torch.rand(2, 3, 45, 71, dtype=torch.float64)
    lean(image).square().sum().backward()
    segment(image, decode, plain.head, plain.sizes).square().sum().backward()
    for (path, found), expected in zip(lean.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=lambda text, path=path: f"{path}: {text}")


def test_which_skips():
    """In a network with ReLUs every skip; where SiLU needs its input none."""
    for name, all_of_them in (("test_resnet", True), ("test_efficientnet", False)):
        network = fb.create_model(name, encoder_weights=None, classes=3)
        graph = network.decoder_graph().graph
        skips = len(graph.find_nodes(op="call_function", target=fuse))
        changed = apply_passes(graph, network, [lean_skips])
        left = len(changed.graph.find_nodes(op="call_function", target=fuse))
        assert left == (0 if all_of_them else skips)
        assert skips > 0


def test_less_is_kept():
    network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19).train()
    image = torch.rand(1, 3, 64, 96)
    plain = apply_passes(network.decoder_graph().graph, network, ())
    assert saved_bytes(network, image) < 0.9 * saved_bytes(plain, image)
    assert isinstance(network.encoder.get_submodule("features.1"), nn.ReLU)
