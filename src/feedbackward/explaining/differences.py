"""The pixels to which two networks give different classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed


@dataclass(frozen=True)
class Disagreement:
    """Where and how two predictions of an image differ.

    Args:
        pixels: Whether they differ, (H, W).
        changes: The class of the first prediction, that of the second, and the share of the image's pixels that have
            both, the largest share first.
    """

    pixels: NDArray[np.bool_]
    changes: tuple[tuple[str, str, float], ...]

    @property
    def share(self) -> float:
        """The share of pixels that differ."""
        return float(self.pixels.mean())


def disagreement(
    first: NDArray[Any], second: NDArray[Any], first_table: ClassTable, second_table: ClassTable
) -> Disagreement:
    """Compare two predictions by the names of their classes.

    Args:
        first: Class indices (H, W).
        second: Those of another network, of the same size.
        first_table: The classes of the first network.
        second_table: The classes of the second network, in any order.

    Raises:
        InputError: If the two have no class of one name.

    Example:
        >>> table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
        >>> disagreement(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]), table, table).changes
        (('road', 'sky', 0.25),)
    """
    if not set(first_table.names) & set(second_table.names):
        raise InputError(
            f"the two models have no class in common ({listed(first_table.names)}; {listed(second_table.names)}); "
            f"compare models of the same classes"
        )
    counts = np.zeros((len(first_table), len(second_table)), np.int64)
    np.add.at(counts, (first.ravel(), second.ravel()), 1)
    same = np.array([[one == other for other in second_table.names] for one in first_table.names])
    pairs = [(int(i), int(j)) for i, j in np.argwhere((counts > 0) & ~same)]
    changes = [(first_table.names[i], second_table.names[j], float(counts[i, j] / first.size)) for i, j in pairs]
    return Disagreement(~same[first, second], tuple(sorted(changes, key=lambda change: -change[2])))
