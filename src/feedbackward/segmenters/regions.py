"""Connected regions of equal pixels, and their outlines along the pixels' sides."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from feedbackward.union_find import first_of_set

_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
"""A step right, down, left and up, as rows and columns: the directions of sides, with the region on their right."""

_STARTS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
"""The corner of a pixel where its side of each direction starts: top, right, bottom and left side."""

_AHEAD_LEFT = np.array([(0, 1), (1, 1), (1, 0), (0, 0)])
"""Of the four pixels around the end of a side the one ahead on the left; the next entry is that on the right."""


def connected_regions(mask: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number the regions of equal pixels; pixels that only touch at a corner are not connected.

    Args:
        mask: Any integers (H, W).

    Returns:
        The number of each pixel's region (H, W), from 0 on, in the order of their first pixels.

    Example:
        >>> connected_regions(np.array([[7, 7, 0], [0, 7, 7]])).tolist()
        [[0, 0, 1], [2, 0, 0]]
    """
    starts = np.ones(mask.shape, bool)
    starts[:, 1:] = mask[:, 1:] != mask[:, :-1]
    run = np.cumsum(starts, dtype=np.int32).reshape(mask.shape) - 1
    same = mask[1:] == mask[:-1]
    same[:, 1:] &= starts[1:, 1:] | starts[:-1, 1:]  # once for each pair of runs
    upper, lower = run[:-1][same], run[1:][same]
    _, number = np.unique(first_of_set(upper, lower, int(run[-1, -1]) + 1), return_inverse=True)
    numbers: NDArray[np.int32] = number.astype(np.int32)[run]
    return numbers


def outlines(regions: NDArray[np.int32], *, corners_only: bool = True) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Follow the sides of pixels around each region and around its holes.

    No ring touches itself; rings of one region may touch at a corner.

    Args:
        regions: Result of `connected_regions`, (H, W).
        corners_only: Whether rings have points only where their direction changes, or at every pixel.

    Yields:
        Number of the region, and the points (x, y) of a ring, (n, 2), from its uppermost point on. The region lies on
        the right where y points down: the area after the shoelace formula is positive around a region and negative
        around a hole. The ring around a region precedes those around its holes.
    """
    width = regions.shape[1] + 1
    around = np.pad(regions, 1, constant_values=-1)
    keys, numbers = [], []
    for direction, neighbors in enumerate((around[:-2, 1:-1], around[1:-1, 2:], around[2:, 1:-1], around[1:-1, :-2])):
        pixels = np.argwhere(regions != neighbors)
        corner = pixels + _STARTS[direction]
        keys.append((corner[:, 0] * width + corner[:, 1]) * 4 + direction)
        numbers.append(regions[pixels[:, 0], pixels[:, 1]])
    key, number = np.concatenate(keys), np.concatenate(numbers)
    order = np.argsort(key)
    key, number = key[order], number[order]

    heading, corner = key % 4, np.stack(np.divmod(key // 4, width), axis=1)
    end = corner + _STEPS[heading]
    left, right = (around[tuple((end + _AHEAD_LEFT[(heading + turn) % 4]).T)] == number for turn in range(2))
    # Turning left wherever the region goes on there keeps rings apart that touch at a corner.
    turned = (heading + np.where(left, -1, np.where(right, 0, 1))) % 4
    following = np.searchsorted(key, (end[:, 0] * width + end[:, 1]) * 4 + turned)

    kept = np.ones(len(key), bool)
    if corners_only:
        kept[following] = turned != heading
    points = corner[:, ::-1].astype(np.int32)
    # Lists are faster than arrays for single items.
    after, is_kept, seen = following.tolist(), kept.tolist(), bytearray(len(key))
    for start in range(len(key)):
        if seen[start]:
            continue
        ring, side = [], start
        while not seen[side]:
            seen[side] = True
            if is_kept[side]:
                ring.append(side)
            side = after[side]
        yield int(number[start]), points[ring]
