"""The decoder's norms, its only layers that are not shared with the encoder."""

from typing import Literal

from torch import nn

DecoderNorm = Literal["batch", "group"]

BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""The class of batch norm by the number of axes of its input."""
GROUPS, SMALLEST_GROUP = 32, 8
"""The largest number of groups, as in "Group Normalization" (Wu and He, 2018), and the smallest size of a group where
there are enough channels: a group of one channel has no variance in an image of one pixel."""


def create_norm(kind: DecoderNorm, channels: int, *, dims: int) -> nn.Module:
    """Create a norm for tensors (N, channels, ...).

    Args:
        kind: "batch" for the paper's batch normalization, "group" for group normalization, which does not depend on
            the batch.
        channels: Number of channels.
        dims: Number of axes, including the batch: 4 for images, 3 for sequences; a key of BATCH_NORMS.
    """
    if kind == "batch":
        return BATCH_NORMS[dims](channels)
    divisors = (g for g in range(GROUPS, 0, -1) if channels % g == 0 and channels // g >= SMALLEST_GROUP)
    return nn.GroupNorm(next(divisors, 1), channels)
