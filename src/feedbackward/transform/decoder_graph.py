"""What the walk through an encoder leaves behind."""

from dataclasses import dataclass

from torch import fx, nn

from feedbackward.transform.shapes import ShapeInfo


@dataclass(frozen=True)
class DecodedNode:
    """One node of the encoder and what the way back does there."""

    node: fx.Node
    emitted: tuple[fx.Node, ...]


@dataclass(frozen=True)
class DecoderGraph:
    """Both passes of a feedbackward network, ready to run on a module that has `encoder` and `decoder`.

    Args:
        graph: From the image to the signal that the classifier reads; targets are encoder.* and decoder.*.
        decoder: The norms of the way back by the encoder's paths, the only new parameters.
        turn: What the U-turn emits between the passes, if the encoder does not turn by itself.
        feature: The encoder's last value, at which the passes meet.
        passed: The encoder's nodes in the order of the way back.
        stop: The encoder's value at which the way back ends; the image's own node for the paper's networks.
        channels: The channels that the classifier reads there.
        stride: By how much that signal is smaller than the image.
        strides: Those at which the way back can end, the image's own included.
        shapes: The shapes of the encoder's values, and the sizes of images that it takes.
    """

    graph: fx.Graph
    decoder: nn.Module
    turn: tuple[fx.Node, ...]
    feature: fx.Node
    passed: tuple[DecodedNode, ...]
    stop: fx.Node
    channels: int
    stride: int
    strides: tuple[int, ...]
    shapes: ShapeInfo
