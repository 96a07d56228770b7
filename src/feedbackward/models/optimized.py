"""A feedbackward network for inference alone: the same scores in less time or memory.

Upsampling stands behind what works on single pixels, norms are folded into the weights or stay behind them, and
activations, sums and skips write over what nothing else reads.
"""

import copy
from collections.abc import Callable
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from feedbackward.errors import InputError
from feedbackward.models.feedbackward import Feedbackward, score
from feedbackward.nn import Parts
from feedbackward.passes import fold_norms, upsample_late, work_in_place

Weights = Literal["memory", "speed"]


class OptimizedNetwork(nn.Module):
    """What optimize() returns: called and described as the network that it was made from.

    Args:
        network: The network, whose head it shares.
        passes: Both passes, from padded images to the signal that the head reads.

    Attributes:
        config: The network's.
        class_table: The network's.
        normalization: The network's.
        smallest: The network's.
    """

    def __init__(self, network: Feedbackward, passes: Callable[[Tensor], Parts]) -> None:
        super().__init__()
        self.passes = passes
        self.head = network.head
        self.sizes = network.sizes
        self.config = network.config
        self.class_table = network.class_table
        self.normalization = network.normalization
        self.smallest = network.smallest

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.config["classes"])

    @torch.no_grad()
    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """Score every pixel of normalized images of any height and width."""
        return score(image, self.passes, self.head, self.sizes)


def optimize(
    network: Feedbackward, *, weights: Weights = "speed", channels_last: bool = True, compiled: bool = False
) -> OptimizedNetwork:
    """Make a network faster where it only predicts; the given one is left as it is.

    Args:
        network: The network.
        weights: "memory" keeps one copy of each weight and a scale and shift behind every use of it. "speed" folds the
            norms into the weights, so that one that both passes use is held twice.
        channels_last: Keep weights and features in channels-last memory, which CPUs and GPUs prefer.
        compiled: Let torch.compile write the code: the first image of each size takes long then.

    Returns:
        A module with the same scores up to rounding, without gradients.

    Raises:
        InputError: If weights is neither.

    Example:
        >>> network = Feedbackward("test_resnet", encoder_weights=None, classes=3)
        >>> optimize(network)(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 3, 64, 96])
    """
    if weights not in get_args(Weights):
        raise InputError(f"weights={weights!r}: expected one of {', '.join(map(repr, get_args(Weights)))}")
    own = copy.deepcopy(network).eval().requires_grad_(False)
    passes = fx.GraphModule(own, upsample_late(own.decoder_graph().graph, own, after_norms=True))
    if weights == "speed":
        fold_norms(passes)
    work_in_place(passes)
    optimized = OptimizedNetwork(own, torch.compile(passes) if compiled else passes).eval()
    return optimized.to(memory_format=torch.channels_last) if channels_last else optimized
