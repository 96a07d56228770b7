"""The norms of the way back, the only layers that it has of its own."""

import math
from typing import Literal

from torch import nn

DecoderNorm = Literal["batch", "group"]

BATCH_NORMS = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
GROUPS = 32
"""The number of groups of Wu and He, "Group Normalization" (2018); fewer where the channels are no multiple of it."""


def create_norm(kind: DecoderNorm, channels: int, *, dims: int) -> nn.Module:
    """A norm for signals of `dims` axes with their channels in the second.

    Args:
        kind: "batch" for the paper's batch normalisation, "group" for one that does not depend on the batch.
        channels: The channels of the signal.
        dims: Its axes, the batch included: 4 for images, 3 for sequences.
    """
    if kind == "batch":
        return BATCH_NORMS[dims](channels)
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)
