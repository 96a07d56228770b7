"""The regions of a mask as polygons."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.regions import connected_regions, outlines


@dataclass(frozen=True)
class Polygon:
    """A connected region of a class. Pixels that only touch at a corner belong to different polygons.

    Points are (x, y) in pixels from the image's upper left corner, y downward: the pixel of row r and column c covers
    x from c to c + 1 and y from r to r + 1. The last point of a ring is connected to the first.

    Args:
        name: Name of the class.
        index: Index of the class.
        area: The number of the region's pixels.
        exterior: The ring around the region, (n, 2); its area after the shoelace formula is positive.
        holes: The rings around its holes, whose areas are negative.
    """

    name: str
    index: int
    area: int
    exterior: NDArray[Any]
    holes: tuple[NDArray[Any], ...]


def find_polygons(
    mask: NDArray[np.integer], table: ClassTable, *, background: int | None = None, tolerance: float = 0
) -> list[Polygon]:
    """Find the polygons of a mask, along the sides of its pixels.

    Args:
        mask: Class indices (H, W); void has no polygons.
        table: The classes.
        background: A class without polygons.
        tolerance: Polygons are simplified by about so many pixels; neighbors keep their common border. 0 keeps every
            pixel: filling the polygons gives the mask again.

    Returns:
        The polygons, in the order of their uppermost pixels.

    Raises:
        InputError: If the tolerance is negative, or a tolerance needs Shapely, which is not installed.

    Example:
        >>> table = ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0)))
        >>> (crack,) = find_polygons(np.array([[0, 1, 1]]), table, background=0)
        >>> crack.exterior.tolist()
        [[1, 0], [3, 0], [3, 1], [1, 1]]
    """
    if tolerance < 0:
        raise InputError(f"the tolerance of polygons is {tolerance}; expected 0 pixels or more")
    regions = connected_regions(mask)
    rings: list[list[NDArray[Any]]] = [[] for _ in range(regions.max() + 1)]
    for number, ring in outlines(regions, corners_only=not tolerance):
        rings[number].append(ring)
    # The ring around a region is the first, and its uppermost point is the upper left corner of a pixel.
    first = np.array([exterior[0] for exterior, *_ in rings])
    classes = mask[first[:, 1], first[:, 0]].tolist()
    areas = np.bincount(regions.ravel()).tolist()
    if tolerance:
        rings = _simplified(rings, tolerance)
    return [
        Polygon(table.names[index], index, area, exterior, tuple(holes))
        for index, area, (exterior, *holes) in zip(classes, areas, rings, strict=True)
        if index not in (background, table.ignore_index)
    ]


def _simplified(polygons: list[list[NDArray[Any]]], tolerance: float) -> list[list[NDArray[Any]]]:
    """Simplify polygons that cover an image. Neighbors must have the same points along their common border."""
    try:
        import shapely
    except ModuleNotFoundError as error:
        raise InputError("simplified polygons need Shapely: pip install 'feedbackward[polygons]'") from error
    whole = [shapely.Polygon(exterior, holes) for exterior, *holes in polygons]
    simple = shapely.orient_polygons(shapely.coverage_simplify(whole, tolerance))
    return [
        [np.asarray(ring.coords)[:-1] for ring in (polygon.exterior, *polygon.interiors)] for polygon in simple.tolist()
    ]
