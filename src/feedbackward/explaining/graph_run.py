"""Runs the graph of a feedbackward network node by node, so that its values can be read and replaced on the way."""

import copy
from collections import deque
from typing import Any

from jaxtyping import Float
from torch import Tensor, fx

from feedbackward.models import Feedbackward
from feedbackward.models.feedbackward import pad, upsample
from feedbackward.transform import DecoderGraph


class GraphRun(fx.Interpreter):
    """One run of encoder and decoder without the passes that make them faster: every skip connection is a node.

    Values that no later node reads are freed.

    Args:
        network: The network, which is put into evaluation mode.
        decoder_graph: Its graph; see Feedbackward.decoder_graph.
        image: A preprocessed image (1, C, H, W).

    Attributes:
        values: The values by their nodes, as far as the run has come.
    """

    def __init__(self, network: Feedbackward, decoder_graph: DecoderGraph, image: Float[Tensor, "1 c h w"]) -> None:
        super().__init__(network.eval(), graph=decoder_graph.graph)
        self._network, self._image = network, image.to(network.device)
        self._padded = pad(self._image, network.sizes)
        self._waiting = deque(decoder_graph.graph.nodes)
        self.values: dict[fx.Node, Any] = self.env

    def run_to(self, node: fx.Node) -> Any:
        """Run up to a node, included, and return its value."""
        while node not in self.values:
            current = self._waiting.popleft()
            value = self._padded if current.op == "placeholder" else self.run_node(current)
            self.values[current] = value
            for unused in self.user_to_last_uses.get(current, ()):
                del self.values[unused]
        return self.values[node]

    def branch(self) -> "GraphRun":
        """A run that goes on from here on its own; the values up to here are shared, not copied."""
        other = copy.copy(self)
        other._waiting = self._waiting.copy()
        other.values = other.env = dict(self.values)
        return other

    def logits(self) -> Float[Tensor, "1 classes h w"]:
        """Run to the end, and return the logits at the image's size."""
        parts = self.run_to(self.graph.output_node())
        return upsample(self._network.head(parts), self._padded, self._image)

    def at_image_size(self, scores: Float[Tensor, "n c i j"]) -> Float[Tensor, "n c h w"]:
        """Values on the grid of a feature, interpolated to the image's pixels."""
        return upsample(scores, self._padded, self._image)
