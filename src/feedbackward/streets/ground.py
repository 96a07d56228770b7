"""The ground: asphalt with markings, paving, grass, and the shadows of the houses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feedbackward.streets.canvas import Canvas
from feedbackward.streets.labels import ROAD, SIDEWALK
from feedbackward.streets.light import Light
from feedbackward.streets.street import Band, Street
from feedbackward.streets.textures import Array, noise, stripes
from feedbackward.streets.walls import Piece

_PAINT = 0.88
_CURB = 0.62


def paint_ground(canvas: Canvas, street: Street, houses: Sequence[Piece], light: Light) -> None:
    """Paint the ground below the horizon.

    Args:
        canvas: The canvas.
        street: The plan of the street.
        houses: The houses on the side of the sun, which cast shadows on the street.
        light: The light.
    """
    x, z = canvas.camera.ground()
    pixel = z / canvas.camera.scale  # meters per pixel across the street
    bands, index = _bands(street, x, z)
    labels = np.array([band.label for band in bands], np.uint8)[index]
    grain = noise(x + street.seed, z + street.seed)
    blotches = noise(x / 6 + street.seed, z / 6, roughness=1.6)
    roughness = np.array([band.roughness for band in bands], np.float32)[index]
    texture = 1 + roughness * grain / (1 + z / 14) + 0.06 * blotches
    colors = np.array([band.color for band in bands], np.float32).T[:, index] * texture

    painted = np.where(labels == ROAD, _markings(street, x, z, pixel) * (0.8 + 0.15 * grain), 0)
    colors += painted * (_PAINT - colors)
    joints = np.maximum(stripes(x, pitch=street.paving, width=0.05), stripes(z, pitch=street.paving, width=0.06))
    joints *= np.clip(0.05 / pixel, 0, 1)
    colors *= np.where(labels == SIDEWALK, 1 - 0.3 * joints, 1).astype(np.float32)
    curb = _line(np.abs(x) - street.half - 0.1, 0.24, pixel) * ~_crossed(street, z)
    colors += 0.6 * curb * (_CURB - colors)
    colors *= house_shadow(street, houses, light, x, z)

    height, width = canvas.camera.size
    window = (slice(canvas.camera.ground_row, height), slice(0, width))
    for label in np.unique(labels).tolist():
        canvas.put(window, labels == label, colors, z, label)


def _crossed(street: Street, z: Array) -> NDArray[np.bool_]:
    """Mask of the cross street."""
    if street.crossing is None:
        return np.zeros(z.shape, np.bool_)
    return (z > street.crossing[0]) & (z < street.crossing[1])


def _bands(street: Street, x: Array, z: Array) -> tuple[tuple[Band, ...], NDArray[np.intp]]:
    """The bands from left to right, and the band of each pixel (h, w); the outermost ones extend without end."""
    left, right = street.bands
    road = Band(street.half, ROAD, street.asphalt, 0.10)
    outer = [-band.outer for band in left[::-1]] + [-street.half, street.half] + [band.outer for band in right[:-1]]
    index = np.searchsorted(np.array(outer, np.float32), x)
    return (left[-1], *left[::-1], road, *right), np.where(_crossed(street, z), 1 + len(left), index)


def _line(distance: Array, width: float, pixel: Array) -> Array:
    """The fraction of each pixel that a line covers, from the distance to its center."""
    return np.clip((width / 2 - np.abs(distance)) / pixel + 0.5, 0, 1)


def _markings(street: Street, x: Array, z: Array, pixel: Array) -> Array:
    """The fraction of each pixel that is painted white, if it is road."""
    offset = np.mod(x + street.lane / 2, street.lane) - street.lane / 2
    dashed = stripes(z + street.seed, pitch=street.dash * 3, width=street.dash)
    middle = np.abs(x) < street.lane / 2
    paint = _line(offset, 0.16, pixel) * np.where(middle & street.solid, 1, dashed)
    if street.crossing is not None:
        paint = paint * ((z < street.crossing[0] - 5) | (z > street.crossing[1] + 1))
        if street.zebra:
            across = (z > street.crossing[0] - 4.2) & (z < street.crossing[0] - 1.2)
            paint = np.maximum(paint, across * stripes(x, pitch=1.0, width=0.5))
    return np.asarray(paint, np.float32)


def house_shadow(street: Street, houses: Sequence[Piece], light: Light, x: Array, z: Array) -> Array:
    """The light at each point of the ground, given the shadows of the houses on the side of the sun."""
    side = 1 if light.sun < 0 else -1
    ends = np.array([house.end for house in houses], np.float32)
    tops = np.array([house.height for house in houses] + [0], np.float32)
    reach = tops[np.searchsorted(ends, z)] * abs(light.sun)
    covered = np.clip((reach - (street.front(side) - side * x)) / 0.4, 0, 1)
    return np.asarray(1 - (1 - light.shadow) * covered, np.float32)
