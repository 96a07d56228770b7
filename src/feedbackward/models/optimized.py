"""A feedbackward network for inference only: the same logits in less time or memory.

Upsampling comes after pointwise operations, norms are folded into the weights or follow them, and activations, sums and
skip connections overwrite values that nothing else reads.
"""

import copy
from collections.abc import Callable
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.models.feedbackward import Feedbackward, coarse_logits, segment
from feedbackward.nn import Coarse, Parts, ThinClassifier
from feedbackward.passes import (
    Pass,
    apply_passes,
    fold_norms,
    merge_low_rank,
    update_weights,
    upsample_after_norms,
    work_in_place,
)

Weights = Literal["memory", "speed"]

PASSES: dict[Weights, tuple[Pass, ...]] = {
    "memory": (upsample_after_norms, update_weights, work_in_place),
    "speed": (upsample_after_norms, merge_low_rank, fold_norms, work_in_place),
}
"""The passes for each choice of weights."""


class OptimizedNetwork(nn.Module):
    """Result of `optimize`, with the interface of the network that it was made from.

    Args:
        network: The network that it was made from, of which it takes the options and classes, and not the weights.
        decode: Encoder and decoder, from padded images to the head's input.
        head: The classifier.

    Attributes:
        config: The network's.
        class_table: The network's.
        preprocessing: The network's.
        smallest: The network's.
        tasks: The network's.
    """

    def __init__(self, network: Feedbackward, decode: Callable[[Tensor], Parts], head: nn.Module) -> None:
        super().__init__()
        self.decode = decode
        self.head = head
        self.sizes = network.sizes
        self.config = network.config
        self.class_table = network.class_table
        self.preprocessing = network.preprocessing
        self.smallest = network.smallest
        self.tasks = network.tasks

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.config["classes"])

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.parameters()).device

    outputs_logits = True

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size itself: the network pads images where it needs to."""
        return size

    def logits(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images."""
        found: Tensor = self(image)
        return found

    @torch.no_grad()
    def coarse_logits(self, image: Float[Tensor, "n c h w"], /) -> Coarse:
        """The logits of preprocessed images before their interpolation."""
        return coarse_logits(image, self.decode, self.head, self.sizes)

    @torch.no_grad()
    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images of any height and width."""
        return segment(image, self.decode, self.head, self.sizes)


def optimize(
    network: Feedbackward, *, weights: Weights = "speed", channels_last: bool = True, compiled: bool = False
) -> OptimizedNetwork:
    """Make a network faster for inference; the given one is not modified.

    Args:
        network: The network.
        weights: "memory" stores each weight once, applies the norms after every use of it, and computes those with
            low-rank updates anew for each image. "speed" folds both into the weights, so that a shared weight is stored
            twice.
        channels_last: Keep weights and features in channels-last memory, which CPUs and GPUs prefer.
        compiled: Use torch.compile; the first image of each size is then slow.

    Returns:
        A module with the same logits up to rounding, without gradients.

    Raises:
        InputError: If weights is neither "memory" nor "speed".

    Example:
        >>> from feedbackward.models import create_model
        >>> network = create_model("test_resnet", encoder_weights=None, classes=3)
        >>> optimize(network)(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 3, 64, 96])
    """
    if weights not in get_args(Weights):
        raise InputError(f"weights={weights!r}: expected one of {', '.join(map(repr, get_args(Weights)))}")
    # Copies of the parts: a copy of the whole network would compile functions that are not needed here.
    root, head = nn.Module(), copy.deepcopy(network.head).eval().requires_grad_(False)
    root.encoder, root.decoder = copy.deepcopy(network.encoder), copy.deepcopy(network.decoder)
    decode = apply_passes(network.decoder_graph().graph, root.eval().requires_grad_(False), PASSES[weights])
    if weights == "speed" and isinstance(head, ThinClassifier):
        head = head.folded()
    optimized = OptimizedNetwork(network, torch.compile(decode) if compiled else decode, head).eval()
    return optimized.to(memory_format=torch.channels_last) if channels_last else optimized
