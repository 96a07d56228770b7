"""Result of `transpose`: encoder and decoder as one graph."""

from dataclasses import dataclass

from torch import fx, nn

from feedbackward.decoder_config import DecoderConfig
from feedbackward.transform.shapes import ShapeInfo


@dataclass(frozen=True)
class DecodedNode:
    """One node of the encoder and the nodes that its rule emitted."""

    node: fx.Node
    emitted: tuple[fx.Node, ...]


@dataclass(frozen=True)
class DecoderGraph:
    """Encoder and decoder as one graph, ready to run on a module that has `encoder` and `decoder`.

    Args:
        graph: Maps the image to the classifier's input; its targets are encoder.* and decoder.*.
        decoder: The decoder's norms and low-rank updates, named by the encoder's paths: its only new parameters.
        u_turn: The nodes between encoder and decoder; empty if the encoder's last pool is the U-turn.
        feature: The encoder's last value, at which the decoder starts.
        decoded: The encoder's nodes in the order in which the decoder visits them.
        arrivals: The encoder values laid out as images through which the whole signal passes, each with the signal
            that arrives there, in the order of the decoder; the last one is where it ends.
        end: The encoder value at which the decoder ends; the image's own node for the paper's networks.
        channels: The number of channels of each part of the classifier's input.
        stride: The stride of the classifier's input.
        strides: The strides at which the decoder can end, the image's own (1) included.
        shapes: The shapes of the encoder's values, and the image sizes that it accepts.
        config: The options of the decoder; retrace is the choice that was made where it was "auto".
    """

    graph: fx.Graph
    decoder: nn.Module
    u_turn: tuple[fx.Node, ...]
    feature: fx.Node
    decoded: tuple[DecodedNode, ...]
    arrivals: tuple[tuple[fx.Node, fx.Node], ...]
    end: fx.Node
    channels: tuple[int, ...]
    stride: int
    strides: tuple[int, ...]
    shapes: ShapeInfo
    config: DecoderConfig
