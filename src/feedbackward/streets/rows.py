"""The houses, garden walls, fences, hedges and woods along a street, and their place in the picture."""

from dataclasses import replace

import numpy as np

from feedbackward.streets.camera import FAR, Camera
from feedbackward.streets.canvas import Canvas
from feedbackward.streets.gardens import draw_fence, draw_garden_wall, draw_hedge, draw_wood
from feedbackward.streets.houses import House, draw_house
from feedbackward.streets.labels import TERRAIN
from feedbackward.streets.light import Light
from feedbackward.streets.street import Street
from feedbackward.streets.textures import Array
from feedbackward.streets.walls import Gap, Piece, paint_wall

_START = -6.0  # rows begin behind the camera
_DEEP = 14.0  # depth of a house, in meters
_WIDE = 240.0  # half the width of the backdrop, in meters


def draw_houses(rng: np.random.Generator, street: Street, *, lamps: float) -> list[Piece]:
    """Draw a random row of houses, woods and gaps for one side of a street."""
    wooded = float(rng.choice((0.06, 0.2, 0.6), p=(0.5, 0.3, 0.2)))
    pieces: list[Piece] = []
    end = _START
    while end < FAR:
        end += rng.uniform(7, 22)
        kind = rng.random()
        if kind < wooded:
            pieces.append(draw_wood(rng, end))
        elif kind < wooded + 0.08:
            pieces.append(Gap(end))
        else:
            pieces.append(draw_house(rng, end, lamps=lamps))
    return _interrupt(pieces, street.crossing, margin=2.5)


def draw_border(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Draw a random border between sidewalk and gardens for one side of a street."""
    pieces: list[Piece] = []
    end = _START
    while end < FAR:
        end += rng.uniform(6, 22)
        kind = rng.random()
        if kind < 0.38:
            pieces.append(draw_garden_wall(rng, end))
        elif kind < 0.82:
            pieces.append(draw_fence(rng, end))
        elif kind < 0.92:
            pieces.append(draw_hedge(rng, end))
        else:
            pieces.append(Gap(end))
    return _interrupt(pieces, street.crossing, margin=0.5)


def _interrupt(pieces: list[Piece], crossing: tuple[float, float] | None, *, margin: float) -> list[Piece]:
    """Cut a gap for the cross street."""
    if crossing is None:
        return pieces
    start, stop = crossing[0] - margin, crossing[1] + margin
    before = [piece for piece in pieces if piece.end < start]
    cut = next(piece for piece in pieces if piece.end >= start)
    return [*before, replace(cut, end=start), Gap(stop), *(piece for piece in pieces if piece.end > stop)]


def paint_houses(canvas: Canvas, street: Street, pieces: list[Piece], side: int, light: Light) -> None:
    """Paint the houses of one side (-1 left, 1 right), and the side walls of those taller than the house in front."""
    camera = canvas.camera
    front = street.front(side)
    z = camera.side_wall(side * front)
    paint_wall(canvas, pieces, z, z, start=_START, light=light.on_wall(side))
    start, before = _START, 0.0
    for piece in pieces:
        if isinstance(piece, House) and piece.height > before and start > 1:
            x, distance = _across(camera, start)
            paint_wall(canvas, [replace(piece, end=front + _DEEP)], distance, side * x, start=front, light=0.8)
        start, before = piece.end, piece.height


def paint_border(canvas: Canvas, street: Street, pieces: list[Piece], side: int, light: Light) -> None:
    """Paint the border between sidewalk and gardens, if there are gardens."""
    if street.bands[side > 0][-1].label == TERRAIN:
        z = canvas.camera.side_wall(side * street.sidewalk(side)[1])
        paint_wall(canvas, pieces, z, z, start=_START, light=light.on_wall(side))


def paint_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the backdrop at the far end of the street."""
    pieces: list[Piece] = []
    end = -_WIDE
    while end < _WIDE:
        end += rng.uniform(14, 50)
        pieces.append(draw_wood(rng, end) if rng.random() < 0.6 else draw_house(rng, end, lamps=0))
    x, z = _across(canvas.camera, FAR * 0.98)
    paint_wall(canvas, pieces, z, x, start=-_WIDE, light=0.85)


def _across(camera: Camera, z: float) -> tuple[Array, Array]:
    """A wall across the street at z: position x and distance of each column."""
    distance = np.full(camera.size[1], z, np.float32)
    return camera.slopes() * distance + camera.x - camera.bend * distance**2, distance
