"""The norms of the way back, the only layers that it has of its own."""

from typing import Literal

from torch import nn

DecoderNorm = Literal["batch", "group"]

BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""The batch norm for signals of so many axes."""
GROUPS, SMALLEST_GROUP = 32, 8
"""The number of groups of Wu and He, "Group Normalization" (2018), and the fewest channels of a group, if there are any
others to group them with: a channel alone has no statistics in an image of one pixel."""


def create_norm(kind: DecoderNorm, channels: int, *, dims: int) -> nn.Module:
    """A norm for signals of `dims` axes with their channels in the second.

    Args:
        kind: "batch" for the paper's batch normalization, "group" for one that does not depend on the batch.
        channels: The channels of the signal.
        dims: Its axes, the batch included: 4 for images, 3 for sequences; one of BATCH_NORMS.
    """
    if kind == "batch":
        return BATCH_NORMS[dims](channels)
    divisors = (g for g in range(GROUPS, 0, -1) if channels % g == 0 and channels // g >= SMALLEST_GROUP)
    return nn.GroupNorm(next(divisors, 1), channels)
