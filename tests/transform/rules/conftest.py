"""Encoder and decoder of a small network, to compare with a version written by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, fx, nn

from feedbackward.decoder_config import PAPER
from feedbackward.transform import trace, transpose


@pytest.fixture
def run_back() -> Callable[..., tuple[Tensor, nn.Module]]:
    """The signal at the image, before the last ReLU, and the decoder norms, which have values of their own."""

    def run(encoder: nn.Module, image: Tensor, *, in_channels: int = 3, **options: str) -> tuple[Tensor, nn.Module]:
        torch.manual_seed(0)
        traced = trace(encoder.double().eval())
        decoder_graph = transpose(traced, replace(PAPER, **options), in_channels=in_channels)
        root = nn.Module()
        root.encoder, root.decoder = traced, decoder_graph.decoder.double()
        for module in root.decoder.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                for values in (module.weight, module.bias, module.running_mean, module.running_var):
                    nn.init.uniform_(values, 0.5, 1.5)
        relu = decoder_graph.graph.output_node().args[0]
        relu.replace_all_uses_with(relu.args[0])
        with torch.no_grad():
            return fx.GraphModule(root, decoder_graph.graph).eval()(image), root.decoder

    return run


@pytest.fixture
def normed() -> Callable[[nn.Module, Tensor], Tensor]:
    """Batch normalization in evaluation mode, over the channels in axis 1."""

    def norm(layer: nn.Module, x: Tensor) -> Tensor:
        shape = (1, -1, *[1] * (x.dim() - 2))
        scale = layer.weight / (layer.running_var + layer.eps).sqrt()
        return (x - layer.running_mean.view(shape)) * scale.view(shape) + layer.bias.view(shape)

    return norm
