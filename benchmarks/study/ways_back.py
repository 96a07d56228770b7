"""The way back with one of its parts taken out or changed, to see what the part does.

Importing this file registers them in feedbackward.models.MODELS.
"""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

import feedbackward as fb
from feedbackward.graph import WayBack
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models import MODELS
from feedbackward.nn import fuse, same_conv2d


class _Changed(fb.Feedbackward):
    """A feedbackward network under a name of its own, with something changed in the graph of both passes."""

    name: ClassVar[str]

    def __init__(self, encoder_name: str, **options: Any) -> None:
        super().__init__(encoder_name, **options)
        self.config["model"] = self.name

    def way_back(self) -> WayBack:
        """As the paper's, with what the class changes."""
        way_back = super().way_back()
        self.change(way_back)
        return way_back

    def change(self, way_back: WayBack) -> None:
        """Change the graph in place."""
        raise NotImplementedError


class FlippedKernels(_Changed):
    """The way back with each kernel turned by 180 degrees: the encoder's adjoint where the axes are swapped too."""

    name = "flipped_kernels"

    def change(self, way_back: WayBack) -> None:
        """With the weights of the way back flipped."""
        for node in way_back.graph.find_nodes(op="call_function", target=same_conv2d):
            with way_back.graph.inserting_before(node):
                node.update_arg(1, way_back.graph.call_function(torch.flip, (node.args[1], (2, 3))))


class WithoutSkips(_Changed):
    """The way back without the encoder's features: the signal alone."""

    name = "without_skips"

    def change(self, way_back: WayBack) -> None:
        """With nothing added to the signal."""
        for node in way_back.graph.find_nodes(op="call_function", target=fuse):
            node.replace_all_uses_with(node.args[0])
            way_back.graph.erase_node(node)


class EarlySkips(_Changed):
    """The way back with the encoder's features added before the activation instead of behind it."""

    name = "early_skips"

    def change(self, way_back: WayBack) -> None:
        """With fusion and activation exchanged."""
        for node in way_back.graph.find_nodes(op="call_function", target=fuse):
            activation, feature = node.args
            with way_back.graph.inserting_before(activation):
                joined = way_back.graph.call_function(fuse, (activation.args[0], feature))
            activation.update_arg(0, joined)
            node.replace_all_uses_with(activation)
            way_back.graph.erase_node(node)


class WithoutActivations(_Changed):
    """The way back without its own activations: the features that join it are the only ones behind one."""

    name = "without_activations"

    def change(self, way_back: WayBack) -> None:
        """With the signal as its norm leaves it."""
        for node in way_back.graph.find_nodes(op="call_function", target=fuse):
            activation = node.args[0]
            activation.replace_all_uses_with(activation.args[0])
            way_back.graph.erase_node(activation)


class DeepSupervision(_Changed):
    """With a second classifier in training, at the U-turn, whose scores stand behind the others in the batch."""

    name = "deep_supervision"

    def __init__(self, encoder_name: str, **options: Any) -> None:
        super().__init__(encoder_name, **options)
        way_back = self.way_back()
        channels = way_back.measures.reference[way_back.feature][1]
        self.second_head = nn.Conv2d(channels, self.classes, kernel_size=1)

    def change(self, way_back: WayBack) -> None:
        """With the encoder's last feature handed out besides."""
        (output,) = way_back.graph.find_nodes(op="output")
        output.args = ((output.args[0], way_back.feature),)

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
