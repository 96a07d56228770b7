"""Cars, vans, trucks and buses: side profiles extruded to the vehicle's width."""

from dataclasses import dataclass

import numpy as np

from feedbackward.streets.canvas import Polygon
from feedbackward.streets.colors import RGB, dim, pick
from feedbackward.streets.labels import BUS, CAR, TRUCK
from feedbackward.streets.polygons import alongside, upright, wheel
from feedbackward.streets.solids import Face, extrude

_GLASS, _RUBBER, _HUB, _PLATE = (0.12, 0.15, 0.18), (0.06, 0.06, 0.07), (0.42, 0.43, 0.45), (0.8, 0.8, 0.75)
_RED, _WHITE, _AMBER = (0.72, 0.08, 0.07), (0.95, 0.95, 0.86), (0.95, 0.62, 0.15)
_PAINTS = (
    (0.09, 0.09, 0.10), (0.20, 0.21, 0.23), (0.38, 0.39, 0.40), (0.60, 0.61, 0.63), (0.86, 0.86, 0.85),
    (0.50, 0.08, 0.08), (0.10, 0.18, 0.42), (0.15, 0.28, 0.22), (0.48, 0.42, 0.33), (0.24, 0.38, 0.58),
)  # fmt: skip
_BUS_PAINTS = ((0.80, 0.62, 0.10), (0.66, 0.12, 0.10), (0.82, 0.82, 0.80), (0.16, 0.36, 0.56), (0.22, 0.46, 0.26))
_CARGOS = ((0.84, 0.84, 0.82), (0.22, 0.32, 0.50), (0.62, 0.60, 0.56), (0.50, 0.16, 0.12), (0.28, 0.36, 0.30))


@dataclass(frozen=True)
class Vehicle:
    """A vehicle in its own coordinates, in meters: on the ground, its back at 0, heading forward."""

    label: int
    length: float
    width: float
    height: float
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class _Model:
    length: float
    width: float
    height: float
    profile: tuple[tuple[float, float], ...]  # fractions of length and height, from the back over the roof
    windows: tuple[tuple[float, float], ...]  # fractions of the length


_SEDAN = _Model(
    4.5, 1.78, 1.45,
    ((0.0, 0.16), (0.01, 0.60), (0.15, 0.66), (0.28, 0.98), (0.58, 1.0), (0.74, 0.65), (0.97, 0.55), (1.0, 0.16)),
    ((0.27, 0.43), (0.45, 0.62)),
)  # fmt: skip
_HATCHBACK = _Model(
    3.9, 1.72, 1.50,
    ((0.0, 0.16), (0.0, 0.58), (0.03, 0.62), (0.12, 0.97), (0.60, 1.0), (0.76, 0.65), (0.97, 0.55), (1.0, 0.16)),
    ((0.14, 0.36), (0.39, 0.64)),
)  # fmt: skip
_VAN = _Model(
    4.9, 1.92, 2.05,
    ((0.0, 0.12), (0.0, 0.55), (0.01, 0.58), (0.04, 0.98), (0.72, 1.0), (0.88, 0.58), (0.98, 0.46), (1.0, 0.12)),
    ((0.56, 0.76),),
)  # fmt: skip


def draw_car(rng: np.random.Generator) -> Vehicle:
    """Draw a sedan, a hatchback or a van."""
    model = (_SEDAN, _HATCHBACK, _VAN)[rng.choice(3, p=(0.4, 0.4, 0.2))]
    grow = rng.uniform(0.94, 1.08)
    length, width, height = model.length * grow, model.width * grow, model.height * grow
    paint = pick(rng, _PAINTS)
    glass = dim(_GLASS, rng.uniform(0.7, 1.8))
    top, end, side = dim(paint, 1.2), dim(paint, 0.9), width / 2
    faces = extrude(
        [(t * length, h * height) for t, h in model.profile],
        [side - 0.14 * max(0.0, h - 0.62) / 0.38 for _, h in model.profile],  # the cabin is narrower than the body
        [end, top, glass, top, glass, top, end],
        dim(paint, 0.8),
        back=[
            upright(-side, side, 0.17 * height, 0.28 * height, 0, _RUBBER),
            upright(-0.26, 0.26, 0.36 * height, 0.44 * height, 0, _PLATE),
            *_lamps(side, 0.42 * height, 0.57 * height, 0, _RED),
        ],
        front=[
            upright(-0.5, 0.5, 0.28 * height, 0.40 * height, length, _RUBBER),
            upright(-0.26, 0.26, 0.19 * height, 0.27 * height, length, _PLATE),
            *_lamps(side, 0.39 * height, 0.51 * height, length, _WHITE),
        ],
        flank=[
            *(
                alongside(side - 0.06, a * length, b * length, 0.66 * height, 0.93 * height, glass)
                for a, b in model.windows
            ),
            *_wheels(side, (0.19 * length, 0.81 * length), 0.33),
        ],
    )
    return Vehicle(CAR, length, width, height, (*_axles(side, length, 0.2 * height), *faces))


def draw_truck(rng: np.random.Generator) -> Vehicle:
    """Draw a truck: a cab with a tall box behind it."""
    length, side, height = rng.uniform(6, 9), 1.22, rng.uniform(2.9, 3.6)
    cargo = pick(rng, _CARGOS)
    paint = pick(rng, _PAINTS)
    low, end, top = 0.62, 0.76 * length, 0.84 * height
    box = extrude(
        [(0, low), (0, height), (end, height), (end, low)],
        [side] * 4,
        [dim(cargo, 0.9), cargo, dim(cargo, 0.85)],
        dim(cargo, 0.8),
        back=[
            *(upright(x - 0.03, x + 0.03, low, height, 0, dim(cargo, 0.5)) for x in (-0.9 * side, 0, 0.9 * side)),
            upright(-side, side, low, low + 0.16, 0, _RUBBER),
            *_lamps(side, low + 0.02, low + 0.2, 0, _RED),
        ],
        flank=[
            *(alongside(side, t * end, t * end + 0.08, low, height, dim(cargo, 0.65)) for t in (0.25, 0.5, 0.75)),
            *_wheels(side, (0.16 * length, 0.30 * length), 0.48),
        ],
    )
    cabin = extrude(
        [(end + 0.1, 0.45), (end + 0.1, top), (length - 0.2, top), (length, 0.48 * top), (length, 0.45)],
        [side - 0.04] * 5,
        [dim(paint, 0.7), dim(paint, 1.2), _GLASS, dim(paint, 0.95)],
        dim(paint, 0.8),
        front=[upright(-0.7, 0.7, 0.75, 1.05, length, _RUBBER), *_lamps(side, 0.55, 0.75, length, _WHITE)],
        flank=[
            alongside(side - 0.04, end + 0.5, length - 0.3, 0.52 * top, 0.86 * top, _GLASS),
            *_wheels(side, (end + 0.9,), 0.48),
        ],
    )
    return Vehicle(TRUCK, length, 2 * side, height, (*_axles(side, length, low), *box, *cabin))


def draw_bus(rng: np.random.Generator) -> Vehicle:
    """Draw a city bus: a long box with windows all around."""
    length, side, height, low = rng.uniform(9.5, 12), 1.25, rng.uniform(2.9, 3.2), 0.35
    paint = pick(rng, _BUS_PAINTS)
    panes = [(0.3 + i * length / 8, 0.1 + (i + 1) * length / 8) for i in range(8)]
    faces = extrude(
        [(0, low), (0, height), (length, height), (length, low)],
        [side] * 4,
        [dim(paint, 0.9), dim(paint, 1.2), paint],
        dim(paint, 0.85),
        back=[
            upright(-0.9 * side, 0.9 * side, 0.52 * height, 0.84 * height, 0, _GLASS),
            upright(-0.6, 0.6, 0.87 * height, 0.96 * height, 0, _AMBER),
            *_lamps(side, 0.7, 1.0, 0, _RED),
        ],
        front=[
            upright(-0.94 * side, 0.94 * side, 0.36 * height, 0.85 * height, length, _GLASS),
            upright(-0.8, 0.8, 0.87 * height, 0.96 * height, length, _AMBER),
            *_lamps(side, 0.5, 0.75, length, _WHITE),
        ],
        flank=[
            *(alongside(side, a, b, 0.46 * height, 0.86 * height, _GLASS) for a, b in panes),
            *_wheels(side, (0.24 * length, 0.78 * length), 0.48),
        ],
    )
    return Vehicle(BUS, length, 2 * side, height, (*_axles(side, length, low), *faces))


def _lamps(side: float, low: float, high: float, ahead: float, color: RGB) -> list[Polygon]:
    outer, inner = side - 0.05, side - 0.36
    return [upright(-outer, -inner, low, high, ahead, color), upright(inner, outer, low, high, ahead, color)]


def _wheels(side: float, at: tuple[float, ...], radius: float) -> list[Polygon]:
    pairs = ((wheel((side, radius, t), radius, _RUBBER), wheel((side, radius, t), 0.6 * radius, _HUB)) for t in at)
    return [polygon for pair in pairs for polygon in pair]


def _axles(side: float, length: float, low: float) -> list[Face]:
    """The dark underside of a vehicle, seen from behind and from the front."""
    faces = extrude(
        [(0.3, 0), (0.3, low), (length - 0.3, low), (length - 0.3, 0)], [side - 0.08] * 4, [_RUBBER] * 3, _RUBBER
    )
    return [faces[0], faces[2]]
