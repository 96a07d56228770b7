"""What goes down and what comes back: the encoder's feature at each stride, and the decoder's signal there."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, fx

from feedbackward.explaining.graph_run import GraphRun
from feedbackward.models import Feedbackward
from feedbackward.nn import fuse, keep_both
from feedbackward.transform import DecoderGraph
from feedbackward.transform.step import path_of


@dataclass(frozen=True)
class Place:
    """A place where encoder and decoder have a value each, of the same shape.

    Args:
        stride: Its stride.
        path: The path of the encoder's module there.
        feature: The node of the encoder's feature.
        signal: The node of the decoder's signal, before the feature joins it.
    """

    stride: int
    path: str
    feature: fx.Node
    signal: fx.Node


@dataclass(frozen=True)
class Depth:
    """The two values at one stride.

    Args:
        stride: The stride.
        path: The path of the encoder's module there.
        feature: The encoder's feature, (C, h, w).
        signal: The decoder's signal before the feature joins it, of the same shape.
    """

    stride: int
    path: str
    feature: Float[Tensor, "c h w"]
    signal: Float[Tensor, "c h w"]


def places(decoder_graph: DecoderGraph) -> dict[int, Place]:
    """The deepest place of each stride, and where the decoder ends, from coarse to fine, by stride."""
    found = dict[int, Place]()
    for node, signal in decoder_graph.arrivals:
        stride = decoder_graph.shapes.stride(node)
        if stride not in found or node is decoder_graph.end:
            before, feature = signal.args[:2] if signal.target in (fuse, keep_both) else (signal, node)
            assert isinstance(before, fx.Node)
            assert isinstance(feature, fx.Node)
            path = "image" if feature.op == "placeholder" else path_of(feature)
            found[stride] = Place(stride, path, feature, before)
    return found


@torch.no_grad()
def signals(
    network: Feedbackward, image: Float[Tensor, "1 c h w"], *, decoder_graph: DecoderGraph | None = None
) -> list[Depth]:
    """Compute the encoder's feature and the decoder's signal at each stride, from the U-turn to the decoder's end.

    Each is taken at the deepest place of its stride, the last that the encoder computes there; the last pair is what
    the classifier reads, with head_strides="all" beside the signals at coarser strides.

    Args:
        network: The network, which is put into evaluation mode.
        image: A preprocessed image, as network(image) takes it.
        decoder_graph: The result of network.decoder_graph(), if there is one already: building it takes seconds.

    Example:
        >>> from feedbackward.models import create_model
        >>> network = create_model("test_resnet", encoder_weights=None, classes=3)
        >>> {depth.stride: tuple(depth.signal.shape) for depth in signals(network, torch.zeros(1, 3, 64, 96))}
        {32: (96, 2, 3), 16: (192, 4, 6), 8: (48, 8, 12), 4: (32, 16, 24)}
    """
    decoder_graph = decoder_graph or network.decoder_graph()
    chosen = places(decoder_graph)
    wanted = {node for place in chosen.values() for node in (place.feature, place.signal)}
    run, values = GraphRun(network, decoder_graph, image), dict[fx.Node, Tensor]()
    for node in decoder_graph.graph.nodes:
        if node in wanted:
            values[node] = run.run_to(node)[0]
    return [Depth(place.stride, place.path, values[place.feature], values[place.signal]) for place in chosen.values()]
