"""A decoder layer's own part: a low-rank update of the weight that it shares with the encoder."""

from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.decoder_config import Rank

POINTWISE: dict[int, Any] = {
    2: nn.Linear,
    3: partial(nn.Conv1d, kernel_size=1),
    4: partial(nn.Conv2d, kernel_size=1),
    5: partial(nn.Conv3d, kernel_size=1),
}
"""The layer that mixes the channels of each pixel, by the number of axes of its input."""


class LowRank(nn.Module):
    """Adds to the output z of a shared convolution W a low-rank update: z + B A z, which is (I + B A) W of its input.

    B starts at zero, so that an untrained update changes nothing. "LoRA: Low-Rank Adaptation of Large Language Models"
    (Hu et al., 2021) adds B A to W instead; after W it is small wherever z has few channels.

    Args:
        channels: Number of channels C of z.
        rank: Number of rows of A, at most C; "full" for a single matrix of C x C in place of B A.
        dims: Number of axes of z, including the batch; the second one is the channel axis.
    """

    def __init__(self, channels: int, *, rank: Rank, dims: int) -> None:
        super().__init__()
        inner = channels if rank == "full" else min(rank, channels)
        self.down = None if rank == "full" else POINTWISE[dims](channels, inner, bias=False)
        self.up = POINTWISE[dims](inner, channels, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, z: Float[Tensor, "n c *size"]) -> Float[Tensor, "n c *size"]:
        """Add the update."""
        updated: Tensor = z + self.up(z if self.down is None else self.down(z))
        return updated


def updated_weight(
    weight: Float[Tensor, "out in *kernel"],
    up: Float[Tensor, "out rank *one"],
    down: Float[Tensor, "rank out *one"] | None = None,
) -> Float[Tensor, "out in *kernel"]:
    """The weight (I + B A) W, whose convolution is that of W with the update after it.

    Args:
        weight: W.
        up: The weight of B.
        down: The weight of A; None if B is a whole matrix.
    """
    flat = weight.flatten(1)
    update = up.flatten(1) @ (flat if down is None else down.flatten(1) @ flat)
    return (flat + update).view(weight.shape)
