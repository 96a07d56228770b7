"""Ablations of the decoder: each network has one part of it removed or changed.

Importing this module registers them under the names of create_model and of saved networks.
"""

from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

import feedbackward as fb
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models.builders import MODELS, NETWORKS, build_feedbackward
from feedbackward.nn import fuse, same_conv2d
from feedbackward.transform import DecoderGraph


class _Changed(fb.Feedbackward):
    """A feedbackward network with a changed graph, saved under its own name."""

    name: ClassVar[str]

    def __init__(self, encoder: nn.Module, **options: Any) -> None:
        super().__init__(encoder, **options)
        self._config["model"] = self.name

    def decoder_graph(self) -> DecoderGraph:
        """The usual graph, changed."""
        decoder_graph = super().decoder_graph()
        self.change(decoder_graph)
        return decoder_graph

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Change the graph in place."""
        raise NotImplementedError


class FlippedKernels(_Changed):
    """The decoder's kernels rotated by 180 degrees: the encoder's adjoint where the channel axes are swapped too."""

    name = "flipped_kernels"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Flip the weights of the decoder's convolutions."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=same_conv2d):
            with decoder_graph.graph.inserting_before(node):
                node.update_arg(1, decoder_graph.graph.call_function(torch.flip, (node.args[1], (2, 3))))


class WithoutSkips(_Changed):
    """The decoder without skip connections."""

    name = "without_skips"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Remove the fusions."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            node.replace_all_uses_with(node.args[0])
            decoder_graph.graph.erase_node(node)


class EarlySkips(_Changed):
    """The decoder with skip connections added before the activation instead of after it."""

    name = "early_skips"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Swap fusion and activation."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            activation, feature = node.args
            with decoder_graph.graph.inserting_before(activation):
                joined = decoder_graph.graph.call_function(fuse, (activation.args[0], feature))
            activation.update_arg(0, joined)
            node.replace_all_uses_with(activation)
            decoder_graph.graph.erase_node(node)


class WithoutActivations(_Changed):
    """The decoder without activations; the encoder's features that it adds still have theirs."""

    name = "without_activations"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Remove the activations before fusions."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            activation = node.args[0]
            activation.replace_all_uses_with(activation.args[0])
            decoder_graph.graph.erase_node(activation)


class DeepSupervision(_Changed):
    """A second classifier in training, at the U-turn; its logits are appended along the batch axis."""

    name = "deep_supervision"

    def __init__(self, encoder: nn.Module, **options: Any) -> None:
        super().__init__(encoder, **options)
        decoder_graph = self.decoder_graph()
        channels = decoder_graph.shapes.reference[decoder_graph.feature][1]
        self.second_head = nn.Conv2d(channels, self.classes, kernel_size=1)

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Return the encoder's last feature as well."""
        (output,) = decoder_graph.graph.find_nodes(op="output")
        output.args = ((output.args[0], decoder_graph.feature),)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "m classes h w"]:
        """The logits; in training followed by those of the second classifier."""
        signal, feature = self._runs[self.training](self, image)
        logits = [self.head(signal), self.second_head(feature)][: 1 + self.training]
        return torch.cat([F.interpolate(each, image.shape[-2:], mode="bilinear") for each in logits])


class DeeplySupervisedLoss(CrossEntropyIoULoss):
    """The usual loss, plus 0.4 times that of the second classifier (PSPNet's weight) where it has logits."""

    def forward(self, logits: Float[Tensor, "m classes h w"], mask: Int64[Tensor, "n h w"]) -> Float[Tensor, ""]:
        """The loss of a batch."""
        first, second = logits[: len(mask)], logits[len(mask) :]
        loss = super().forward(first, mask)
        return loss + 0.4 * super().forward(second, mask) if len(second) else loss


for _network in (
    FlippedKernels,
    WithoutSkips,
    EarlySkips,
    WithoutActivations,
    DeepSupervision,
):
    MODELS[_network.name] = partial(build_feedbackward, network=_network)
    NETWORKS[_network.name] = _network
