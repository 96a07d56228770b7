"""The way back with one of its parts taken out or changed, to see what the part does.

Importing this file registers them in feedbackward.models.MODELS.
"""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

import feedbackward as fb
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models import MODELS
from feedbackward.nn import fuse, same_conv2d
from feedbackward.transform import DecoderGraph


class _Changed(fb.Feedbackward):
    """A feedbackward network under a name of its own, with something changed in the graph of both passes."""

    name: ClassVar[str]

    def __init__(self, encoder_name: str, **options: Any) -> None:
        super().__init__(encoder_name, **options)
        self.config["model"] = self.name

    def decoder_graph(self) -> DecoderGraph:
        """As the paper's, with what the class changes."""
        decoder_graph = super().decoder_graph()
        self.change(decoder_graph)
        return decoder_graph

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Change the graph in place."""
        raise NotImplementedError


class FlippedKernels(_Changed):
    """The way back with each kernel turned by 180 degrees: the encoder's adjoint where the axes are swapped too."""

    name = "flipped_kernels"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """With the weights of the way back flipped."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=same_conv2d):
            with decoder_graph.graph.inserting_before(node):
                node.update_arg(1, decoder_graph.graph.call_function(torch.flip, (node.args[1], (2, 3))))


class WithoutSkips(_Changed):
    """The way back without the encoder's features: the signal alone."""

    name = "without_skips"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """With nothing added to the signal."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            node.replace_all_uses_with(node.args[0])
            decoder_graph.graph.erase_node(node)


class EarlySkips(_Changed):
    """The way back with the encoder's features added before the activation instead of behind it."""

    name = "early_skips"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """With fusion and activation exchanged."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            activation, feature = node.args
            with decoder_graph.graph.inserting_before(activation):
                joined = decoder_graph.graph.call_function(fuse, (activation.args[0], feature))
            activation.update_arg(0, joined)
            node.replace_all_uses_with(activation)
            decoder_graph.graph.erase_node(node)


class WithoutActivations(_Changed):
    """The way back without its own activations: the features that join it are the only ones behind one."""

    name = "without_activations"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """With the signal as its norm leaves it."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            activation = node.args[0]
            activation.replace_all_uses_with(activation.args[0])
            decoder_graph.graph.erase_node(activation)


class DeepSupervision(_Changed):
    """With a second classifier in training, at the U-turn, whose scores stand behind the others in the batch."""

    name = "deep_supervision"

    def __init__(self, encoder_name: str, **options: Any) -> None:
        super().__init__(encoder_name, **options)
        decoder_graph = self.decoder_graph()
        channels = decoder_graph.shapes.reference[decoder_graph.feature][1]
        self.second_head = nn.Conv2d(channels, self.classes, kernel_size=1)

    def change(self, decoder_graph: DecoderGraph) -> None:
        """With the encoder's last feature handed out besides."""
        (output,) = decoder_graph.graph.find_nodes(op="output")
        output.args = ((output.args[0], decoder_graph.feature),)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "m classes h w"]:
        """The scores; in training, those of the second classifier behind them."""
        signal, feature = self._runs[self.training](self, image)
        scores = [self.head(signal), self.second_head(feature)][: 1 + self.training]
        return torch.cat([F.interpolate(score, image.shape[-2:], mode="bilinear") for score in scores])


class DeeplySupervisedLoss(CrossEntropyIoULoss):
    """The usual loss, and 0.4 times that of the second classifier (PSPNet's weight) where there are its scores."""

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
    MODELS[_network.name] = _network
