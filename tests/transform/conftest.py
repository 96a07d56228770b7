"""The property of rules for linear operations: the decoder is autograd's vector-Jacobian product."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, fx, nn
from torch.testing import assert_close

from feedbackward.decoder_config import PAPER
from feedbackward.nn import permute_weight
from feedbackward.transform import DecoderGraph, trace, transpose


def flipped(weight: Tensor, groups: int = 1) -> Tensor:
    """The regrouped filters, rotated by 180 degrees as in the adjoint of a convolution; matrices are unchanged."""
    swapped = permute_weight(weight, groups=groups)
    return swapped.flip(2, 3) if weight.dim() == 4 else swapped


def as_adjoint(decoder_graph: DecoderGraph) -> fx.Graph:
    """Only the decoder: the signal is an input, kernels are flipped, and there is no ReLU at the end."""
    graph = decoder_graph.graph
    for node in graph.nodes:
        if node.target is permute_weight:
            node.target = flipped
    with graph.inserting_before(decoder_graph.u_turn[0]):
        cotangent = graph.placeholder("cotangent")
    decoder_graph.u_turn[-1].replace_all_uses_with(cotangent)
    relu = graph.output_node().args[0]
    relu.replace_all_uses_with(relu.args[0])
    return graph


@pytest.fixture
def assert_adjoint() -> Callable[..., None]:
    """Checks an encoder without norms, activations and skips at images of a size."""

    def check(encoder: nn.Module, size: tuple[int, int] = (9, 11)) -> None:
        torch.manual_seed(0)
        traced = trace(encoder.double())
        decoder_graph = transpose(traced, replace(PAPER, permute="possible"))
        root = nn.Module()
        root.encoder, root.decoder = traced, decoder_graph.decoder
        network = fx.GraphModule(root, as_adjoint(decoder_graph))
        for name, _ in list(root.decoder.named_modules()):
            if "norm" in name.rpartition(".")[2]:
                network.set_submodule(f"decoder.{name}", nn.Identity())
        image = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
        features = traced(image)
        cotangent = torch.randn_like(features)
        (expected,) = torch.autograd.grad(features, image, cotangent)
        assert expected.abs().sum() > 0
        assert_close(network(image, cotangent), expected)

    return check
