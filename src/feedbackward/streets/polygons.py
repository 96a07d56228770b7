"""Polygons in meters: the pieces of figures, posts and bodies."""

from collections.abc import Sequence
from math import hypot, pi

import numpy as np

from feedbackward.streets.canvas import Polygon
from feedbackward.streets.colors import RGB
from feedbackward.streets.textures import Array

Corner = tuple[float, float, float]  # to the right, up, ahead

MIRROR = np.array([-1, 1, 1], np.float32)

_ANGLES = np.arange(14) * (2 * pi / 14)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES), 0 * _ANGLES], axis=1).astype(np.float32)
_WHEEL = np.ascontiguousarray(_CIRCLE[:, ::-1])


def flat(corners: Sequence[Corner], color: RGB, opacity: float = 1.0) -> Polygon:
    """A polygon with the given corners."""
    return Polygon(np.array(corners, np.float32), color, opacity)


def upright(left: float, right: float, low: float, high: float, ahead: float, color: RGB) -> Polygon:
    """A rectangle across the body."""
    return flat([(left, low, ahead), (right, low, ahead), (right, high, ahead), (left, high, ahead)], color)


def alongside(x: float, back: float, front: float, low: float, high: float, color: RGB) -> Polygon:
    """A rectangle along the body."""
    return flat([(x, low, back), (x, low, front), (x, high, front), (x, high, back)], color)


def disc(center: Corner, radius: float, color: RGB, *, opacity: float = 1.0) -> Polygon:
    """A disc across the body."""
    return Polygon(_CIRCLE * np.float32(radius) + np.array(center, np.float32), color, opacity)


def wheel(center: Corner, radius: float, color: RGB) -> Polygon:
    """A disc along the body."""
    return Polygon(_WHEEL * np.float32(radius) + np.array(center, np.float32), color)


def outline(points: Sequence[tuple[float, float]], color: RGB) -> Polygon:
    """A polygon that faces the camera, with corners given as (right, up)."""
    return flat([(x, y, 0.0) for x, y in points], color)


def limb(start: tuple[float, float], end: tuple[float, float], wide: float, narrow: float, color: RGB) -> Polygon:
    """A tapered bar that faces the camera, wide at its start and narrow at its end."""
    (x0, y0), (x1, y1) = start, end
    length = hypot(x1 - x0, y1 - y0)
    nx, ny = (y1 - y0) / length / 2, (x0 - x1) / length / 2
    return outline(
        [
            (x0 + nx * wide, y0 + ny * wide),
            (x1 + nx * narrow, y1 + ny * narrow),
            (x1 - nx * narrow, y1 - ny * narrow),
            (x0 - nx * wide, y0 - ny * wide),
        ],
        color,
    )


def stand(figure: Sequence[Polygon], *, x: float, z: float, mirrored: bool = False) -> list[Polygon]:
    """Place a flat figure in the world, facing the camera."""
    points = np.concatenate([polygon.points for polygon in figure])
    return split(points * (MIRROR if mirrored else 1) + np.array([x, 0, z], np.float32), figure)


def split(points: Array, polygons: Sequence[Polygon]) -> list[Polygon]:
    """The polygons with new points, given in the order of the polygons."""
    moved, start = [], 0
    for polygon in polygons:
        stop = start + len(polygon.points)
        moved.append(polygon._replace(points=points[start:stop]))
        start = stop
    return moved
