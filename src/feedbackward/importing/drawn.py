"""Masks from shapes: drawn one over the other, in the order of the annotation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Region(Protocol):
    """A shape of an annotation."""

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """The pixels (height, width) that it covers."""
        ...


@dataclass(frozen=True)
class Drawn:
    """Regions on a background of class 0; where they overlap, the last one counts.

    Args:
        regions: The shapes, each with the value that it is drawn in.
    """

    regions: Sequence[tuple[Region, int]]

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        """As Drawing.draw."""
        mask = np.zeros((height, width), np.uint8)
        for region, value in self.regions:
            mask[region.cover(height, width)] = value
        return mask
