"""Which skip connection moves which pixels: each one left out in turn, and how the prediction changes."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, fx

from feedbackward.explaining.graph_run import GraphRun
from feedbackward.explaining.tasks import logits_of
from feedbackward.models import Feedbackward
from feedbackward.nn import fuse, keep_both
from feedbackward.transform import DecoderGraph
from feedbackward.transform.step import path_of


@dataclass(frozen=True)
class SkipEffect:
    """How a prediction changes without one skip connection.

    Args:
        path: The path of the encoder's module whose output joins the signal.
        stride: Its stride; None if it is not laid out as an image.
        change: How much probability moves to other classes at each pixel, from 0 to 1: the total variation distance of
            the class probabilities with and without the skip connection, (h, w).
        moved: The pixels whose class changes, (h, w).
    """

    path: str
    stride: int | None
    change: Float[Tensor, "h w"]
    moved: Bool[Tensor, "h w"]

    @property
    def mean_change(self) -> float:
        """The mean change of all pixels."""
        return float(self.change.mean())

    @property
    def moved_share(self) -> float:
        """The share of pixels whose class changes."""
        return float(self.moved.float().mean())


@torch.no_grad()
def skip_effects(
    network: Feedbackward,
    image: Float[Tensor, "1 c h w"],
    *,
    task: str = "",
    decoder_graph: DecoderGraph | None = None,
) -> list[SkipEffect]:
    """Leave out each skip connection in turn, and compare the prediction with that of the whole network.

    Without a skip connection the signal goes on as it is; where the classifier reads signal and feature, the feature is
    zero. What the decoder has computed before is not computed again.

    Args:
        network: The network, which is put into evaluation mode.
        image: A preprocessed image, as network(image) takes it.
        task: The name of the class, for a network whose classes overlap; its first one by default.
        decoder_graph: The result of network.decoder_graph(), if there is one already: building it takes seconds.

    Returns:
        One entry for each skip connection, that with the largest mean change first.

    Raises:
        InputError: If there is no such task.

    Example:
        >>> from feedbackward.models import create_model
        >>> network = create_model("test_resnet", encoder_weights=None, classes=3)
        >>> effects = skip_effects(network, torch.rand(1, 3, 64, 96))
        >>> effects[0].mean_change >= effects[-1].mean_change
        True
    """
    decoder_graph = decoder_graph or network.decoder_graph()
    run, without = GraphRun(network, decoder_graph, image), dict[fx.Node, Tensor]()
    for node in decoder_graph.graph.nodes:
        if node.target in (fuse, keep_both):
            signal, feature = (run.run_to(each) for each in node.args)
            run.run_to(node)
            other = run.branch()
            other.values[node] = (signal, torch.zeros_like(feature)) if node.target is keep_both else signal
            without[node] = logits_of(other.logits(), network, task).softmax(1)[0]
    whole = logits_of(run.logits(), network, task).softmax(1)[0]
    effects = [_effect(decoder_graph, node, whole, changed) for node, changed in without.items()]
    return sorted(effects, key=lambda effect: -effect.mean_change)


def _effect(decoder_graph: DecoderGraph, node: fx.Node, whole: Tensor, changed: Tensor) -> SkipEffect:
    feature, shapes = node.args[1], decoder_graph.shapes
    assert isinstance(feature, fx.Node)
    on_grid = shapes.is_image(feature) or shapes.is_channels_last(feature)
    return SkipEffect(
        path="image" if feature.op == "placeholder" else path_of(feature),
        stride=shapes.stride(feature) if on_grid else None,
        change=((whole - changed).abs().sum(0) / 2).clamp(max=1),
        moved=whole.argmax(0) != changed.argmax(0),
    )
