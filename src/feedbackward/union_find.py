"""Sets of things that are connected in pairs, for connected components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def first_of_set(one: NDArray[Any], other: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The smallest member of the set of each thing.

    Args:
        one: Indices of things, (n,).
        other: For each of them the index of a thing in the same set, (n,).
        count: The number of things.

    Returns:
        The smallest index in the set of each thing, (count,).

    Example:
        >>> first_of_set(np.array([3, 1]), np.array([1, 4]), 5).tolist()
        [0, 1, 2, 1, 1]
    """
    first = np.arange(count)
    while not np.array_equal(first[one], first[other]):
        np.minimum.at(first, np.maximum(first[one], first[other]), np.minimum(first[one], first[other]))
        while not np.array_equal(first, first[first]):
            first = first[first]
    return first
