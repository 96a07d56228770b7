"""Which houses, garden walls, fences, hedges and woods line a street."""

from dataclasses import replace

import numpy as np

from feedbackward.data.streets.camera import FAR, Camera
from feedbackward.data.streets.canvas import RGB, Canvas, dim
from feedbackward.data.streets.light import Light
from feedbackward.data.streets.street import TERRAIN, Street
from feedbackward.data.streets.textures import Array
from feedbackward.data.streets.walls import Fence, Gap, GardenWall, Greenery, House, Piece, paint_wall

_PLASTERS = (
    (0.74, 0.70, 0.60), (0.62, 0.50, 0.38), (0.48, 0.30, 0.24), (0.56, 0.56, 0.55), (0.80, 0.78, 0.74),
    (0.66, 0.60, 0.42), (0.42, 0.44, 0.47), (0.70, 0.54, 0.44), (0.50, 0.56, 0.50),
)  # fmt: skip
_ROOFS = ((0.42, 0.20, 0.15), (0.26, 0.25, 0.26), (0.34, 0.28, 0.24))
_STONES = ((0.55, 0.53, 0.50), (0.46, 0.42, 0.36), (0.66, 0.62, 0.54), (0.40, 0.40, 0.40), (0.46, 0.28, 0.22), (0.42, 0.46, 0.38))
_BARS = ((0.12, 0.13, 0.14), (0.20, 0.30, 0.22), (0.42, 0.31, 0.22), (0.72, 0.72, 0.70))
_AWNINGS = ((0.50, 0.12, 0.12), (0.14, 0.28, 0.22), (0.18, 0.22, 0.40), (0.60, 0.52, 0.34), (0.25, 0.25, 0.26))
_START = -6.0
_DEEP = 14.0


def _pick(rng: np.random.Generator, colors: tuple[RGB, ...]) -> RGB:
    return dim(colors[rng.choice(len(colors))], rng.uniform(0.85, 1.12))


def _green(rng: np.random.Generator) -> RGB:
    bright = rng.uniform(0.7, 1.15)
    return rng.uniform(0.14, 0.30) * bright, rng.uniform(0.29, 0.38) * bright, rng.uniform(0.08, 0.17) * bright


def draw_house(rng: np.random.Generator, end: float, *, lamps: float) -> House:
    """Draw a house that ends at a position along its wall."""
    storey = rng.uniform(2.8, 3.6)
    storeys, gabled = int(rng.integers(2, 7)), rng.random() < 0.55
    roof = rng.uniform(1.5, 3.5) if gabled else 0.0
    glass = rng.uniform(0.10, 0.34)
    return House(
        end=end,
        height=storeys * storey + roof + rng.uniform(0.2, 0.8),
        plaster=_pick(rng, _PLASTERS),
        roof=_pick(rng, _ROOFS),
        roof_height=roof,
        storey=storey,
        bay=rng.uniform(1.7, 3.4),
        window=(rng.uniform(0.35, 0.75), rng.uniform(0.42, 0.66)),
        bricks=bool(rng.random() < 0.4),
        shop=_pick(rng, _AWNINGS) if rng.random() < 0.4 else None,
        glass=(glass * 0.9, glass, glass * 1.15),
        lamps=lamps,
        seed=int(rng.integers(1000)),
    )


def draw_wood(rng: np.random.Generator, end: float) -> Greenery:
    """Draw trees that close the view."""
    return Greenery(end, rng.uniform(5, 11), _green(rng), 0.22, rng.uniform(0.8, 1.6), int(rng.integers(100)))


def draw_houses(rng: np.random.Generator, street: Street, *, lamps: float) -> list[Piece]:
    """Draw what closes the view on one side of a street: mostly houses, woods and gaps, nothing on a cross street."""
    wooded = float(rng.choice((0.06, 0.2, 0.6), p=(0.5, 0.3, 0.2)))
    pieces: list[Piece] = []
    end = _START
    while end < FAR:
        end += rng.uniform(7, 22)
        kind = rng.random()
        if kind < wooded:
            pieces.append(draw_wood(rng, end))
        elif kind < wooded + 0.08:
            pieces.append(Gap(end, 0))
        else:
            pieces.append(draw_house(rng, end, lamps=lamps))
    return _interrupt(pieces, street.crossing, margin=2.5)


def draw_border(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Draw what parts the pavement from the gardens on one side of a street."""
    pieces: list[Piece] = []
    end = _START
    while end < FAR:
        end += rng.uniform(6, 22)
        height, kind = rng.uniform(0.9, 2.2), rng.random()
        if kind < 0.40:
            pieces.append(GardenWall(end, height, _pick(rng, _STONES), rng.uniform(0.3, 0.6), int(rng.integers(100))))
        elif kind < 0.75:
            pieces.append(Fence(end, height, _pick(rng, _BARS), rng.uniform(0.16, 0.32)))
        elif kind < 0.88:
            pieces.append(Greenery(end, height, _green(rng), 0.06, 0.3, int(rng.integers(100))))
        else:
            pieces.append(Gap(end, 0))
    return _interrupt(pieces, street.crossing, margin=0.5)


def _interrupt(pieces: list[Piece], crossing: tuple[float, float] | None, *, margin: float) -> list[Piece]:
    """Make room for the cross street."""
    if crossing is None:
        return pieces
    start, stop = crossing[0] - margin, crossing[1] + margin
    before = [piece for piece in pieces if piece.end < start]
    cut = next(piece for piece in pieces if piece.end >= start)
    return [*before, replace(cut, end=start), Gap(stop, 0), *(piece for piece in pieces if piece.end > stop)]


def paint_houses(canvas: Canvas, street: Street, pieces: list[Piece], side: int, light: Light) -> None:
    """Paint the houses of one side (-1 left, 1 right), and the ends of those that stand out above the one before."""
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
    """Paint what parts pavement and gardens, where there are gardens."""
    if street.bands[side > 0][-1].label == TERRAIN:
        z = canvas.camera.side_wall(side * street.sidewalk(side)[1])
        paint_wall(canvas, pieces, z, z, start=_START, light=light.on_wall(side))


def paint_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint what closes the view at the far end."""
    pieces: list[Piece] = []
    end = -400.0
    while end < 400:
        end += rng.uniform(12, 40)
        pieces.append(draw_wood(rng, end) if rng.random() < 0.6 else draw_house(rng, end, lamps=0))
    x, z = _across(canvas.camera, FAR * 0.98)
    paint_wall(canvas, pieces, z, x, start=-400, light=0.85)


def _across(camera: Camera, z: float) -> tuple[Array, Array]:
    """The wall across the street at z: position x and distance of each column."""
    distance = np.full(camera.size[1], z, np.float32)
    return camera.slopes() * distance + camera.x - camera.bend * distance**2, distance
