"""People on foot and on bicycles and motorcycles: flat figures that face the camera."""

from math import cos, pi, sin

import numpy as np

from feedbackward.data.streets.canvas import RGB, Polygon, dim
from feedbackward.data.streets.solids import disc, flat, upright

PERSON, RIDER, MOTORCYCLE, BICYCLE = 24, 25, 32, 33

_SKINS = ((0.86, 0.66, 0.54), (0.72, 0.52, 0.40), (0.52, 0.36, 0.26), (0.34, 0.23, 0.17))
_HAIRS = ((0.08, 0.06, 0.05), (0.24, 0.15, 0.09), (0.55, 0.42, 0.24), (0.5, 0.5, 0.5))
_CLOTHES = (
    (0.10, 0.11, 0.13), (0.16, 0.20, 0.32), (0.30, 0.31, 0.32), (0.52, 0.14, 0.13), (0.20, 0.32, 0.22),
    (0.70, 0.68, 0.63), (0.44, 0.33, 0.22), (0.62, 0.50, 0.16), (0.26, 0.40, 0.58),
)  # fmt: skip
_TYRE, _STEEL = (0.07, 0.07, 0.08), (0.45, 0.46, 0.48)

Point = tuple[float, float]


def _shape(points: list[Point], color: RGB) -> Polygon:
    return flat([(x, y, 0.0) for x, y in points], color)


def _limb(start: Point, end: Point, wide: float, narrow: float, color: RGB) -> Polygon:
    """A limb from start to end that narrows."""
    (x0, y0), (x1, y1) = start, end
    length = max(1e-6, ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
    nx, ny = (y1 - y0) / length / 2, (x0 - x1) / length / 2
    return _shape(
        [
            (x0 + nx * wide, y0 + ny * wide), (x1 + nx * narrow, y1 + ny * narrow),
            (x1 - nx * narrow, y1 - ny * narrow), (x0 - nx * wide, y0 - ny * wide),
        ],
        color,
    )  # fmt: skip


def _pick(rng: np.random.Generator, colors: tuple[RGB, ...]) -> RGB:
    return dim(colors[rng.choice(len(colors))], rng.uniform(0.8, 1.2))


def draw_person(rng: np.random.Generator) -> list[Polygon]:
    """Draw somebody who stands or walks, about 1.75 m tall; the feet at (0, 0)."""
    coat, trousers, skin, hair = (_pick(rng, c) for c in (_CLOTHES, _CLOTHES, _SKINS, _HAIRS))
    tall, stout = rng.uniform(0.86, 1.06), rng.uniform(0.95, 1.3)
    stride, swing = rng.uniform(0.04, 0.30), rng.uniform(-0.15, 0.15)
    hip, shoulder, head = 0.90 * tall, 1.42 * tall, 1.62 * tall
    half = 0.22 * stout
    figure = [
        _limb((-0.07, hip), (-stride, 0.04), 0.21 * stout, 0.11, trousers),
        _limb((0.07, hip), (stride, 0.0), 0.21 * stout, 0.11, dim(trousers, 0.8)),
        _limb((-half, shoulder - 0.05), (-half - 0.06 + swing, hip - 0.02), 0.14, 0.10, dim(coat, 0.75)),
        _limb((half, shoulder - 0.05), (half + 0.06 + swing, hip - 0.02), 0.14, 0.10, dim(coat, 0.7)),
        _shape([(-half, shoulder), (half, shoulder), (half * 0.95, hip - 0.10), (-half * 0.95, hip - 0.10)], coat),
        _shape([(0.05, shoulder), (half, shoulder), (half * 0.95, hip - 0.10), (0.1, hip - 0.10)], dim(coat, 0.85)),
        disc((0, head, 0), 0.135, hair),
        disc((0, head - 0.035, 0), 0.105, skin),
    ]
    if rng.random() < 0.3:
        bag, side = _pick(rng, _CLOTHES), int(rng.choice((-1, 1)))
        figure.append(upright(side * 0.28 - 0.12, side * 0.28 + 0.12, hip - 0.35, hip + 0.02, 0, bag))
    return figure


def draw_bicycle(rng: np.random.Generator, *, across: bool) -> list[Polygon]:
    """Draw a bicycle, from its side if it stands across the view, else from behind."""
    frame = _pick(rng, _CLOTHES)
    if not across:
        return [
            _limb((0, 0.0), (0, 0.70), 0.10, 0.10, _TYRE),
            _limb((-0.3, 1.02), (0.3, 1.02), 0.06, 0.06, _TYRE),
            _limb((0, 0.5), (0, 0.98), 0.12, 0.12, frame),
            upright(-0.13, 0.13, 0.86, 0.96, 0, _TYRE),
            upright(-0.06, 0.06, 0.60, 0.70, 0, (0.7, 0.1, 0.1)),
        ]
    wheels = [
        polygon
        for x in (-0.52, 0.52)
        for polygon in (
            disc((x, 0.35, 0), 0.35, _TYRE),
            disc((x, 0.35, 0), 0.28, _STEEL, opacity=0.5),
            disc((x, 0.35, 0), 0.06, _TYRE),
        )
    ]
    tubes = (
        ((-0.52, 0.35), (-0.18, 0.85)), ((-0.52, 0.35), (-0.05, 0.33)), ((-0.05, 0.33), (-0.18, 0.9)),
        ((-0.05, 0.33), (0.38, 0.80)), ((-0.18, 0.80), (0.38, 0.82)), ((0.36, 0.95), (0.52, 0.35)),
    )  # fmt: skip
    return [
        *wheels,
        *(_limb(start, end, 0.07, 0.07, frame) for start, end in tubes),
        _limb((-0.32, 0.93), (-0.06, 0.93), 0.09, 0.06, _TYRE),
        _limb((0.28, 1.0), (0.46, 0.98), 0.06, 0.06, _TYRE),
    ]


def draw_motorcycle(rng: np.random.Generator, *, across: bool) -> list[Polygon]:
    """Draw a motorcycle, from its side if it stands across the view, else from behind."""
    paint = _pick(rng, _CLOTHES)
    if not across:
        return [
            _limb((0, 0.0), (0, 0.66), 0.22, 0.22, _TYRE),
            _shape([(-0.22, 0.42), (0.22, 0.42), (0.27, 0.84), (-0.27, 0.84)], paint),
            upright(-0.14, 0.14, 0.62, 0.74, 0, (0.75, 0.1, 0.08)),
            upright(-0.11, 0.11, 0.44, 0.56, 0, (0.8, 0.8, 0.75)),
            _limb((-0.42, 1.02), (0.42, 1.02), 0.08, 0.08, _TYRE),
            upright(-0.48, -0.34, 1.05, 1.17, 0, _STEEL),
            upright(0.34, 0.48, 1.05, 1.17, 0, _STEEL),
        ]
    wheels = [
        disc((x, 0.32, 0), radius, color)
        for x in (-0.68, 0.70)
        for radius, color in ((0.32, _TYRE), (0.17, _STEEL))
    ]
    return [
        *wheels,
        _shape([(-0.40, 0.30), (0.35, 0.28), (0.45, 0.62), (-0.35, 0.66)], dim(_STEEL, 0.6)),
        _shape([(-0.85, 0.80), (-0.10, 0.68), (0.10, 0.84), (-0.20, 0.86), (-0.85, 0.92)], _TYRE),
        _shape([(-0.15, 0.70), (0.42, 0.62), (0.46, 0.96), (0.10, 0.98)], paint),
        _limb((0.44, 1.02), (0.70, 0.32), 0.10, 0.12, _STEEL),
        _shape([(0.42, 0.78), (0.66, 0.80), (0.50, 1.14), (0.38, 1.06)], dim(paint, 0.8)),
        _limb((-0.75, 0.36), (0.05, 0.34), 0.12, 0.12, _STEEL),
    ]


def draw_rider(rng: np.random.Generator, *, across: bool, motorcycle: bool) -> list[Polygon]:
    """Draw who rides a bicycle or a motorcycle, sitting on it as drawn above."""
    coat, trousers, skin = (_pick(rng, c) for c in (_CLOTHES, _CLOTHES, _SKINS))
    helmet = _pick(rng, _CLOTHES) if motorcycle or rng.random() < 0.6 else _pick(rng, _HAIRS)
    seat, lean = (0.86, 0.20) if motorcycle else (0.95, rng.uniform(0.15, 0.32))
    turn = rng.uniform(0, 2 * pi)
    if not across:
        knee = 0.12 * sin(turn)
        return [
            _limb((-0.10, seat), (-0.17, 0.28 + knee), 0.20, 0.12, trousers),
            _limb((0.10, seat), (0.17, 0.28 - knee), 0.20, 0.12, dim(trousers, 0.85)),
            _limb((-0.19, seat + 0.50), (-0.30, seat + 0.12), 0.15, 0.11, dim(coat, 0.8)),
            _limb((0.19, seat + 0.50), (0.30, seat + 0.12), 0.15, 0.11, dim(coat, 0.75)),
            _shape([(-0.23, seat + 0.55), (0.23, seat + 0.55), (0.20, seat - 0.06), (-0.20, seat - 0.06)], coat),
            disc((0, seat + 0.71, 0), 0.14, helmet),
            disc((0, seat + 0.64, 0), 0.08, skin),
        ]
    hip, shoulder = (-0.22, seat), (-0.22 + lean, seat + 0.50)
    pedal = (0.05, 0.36) if motorcycle else (-0.05 + 0.15 * cos(turn), 0.36 + 0.15 * sin(turn))
    knee_at = (0.12, (seat + pedal[1]) / 2 + 0.10)
    return [
        _limb(hip, knee_at, 0.22, 0.16, trousers),
        _limb(knee_at, pedal, 0.16, 0.12, trousers),
        _limb(hip, shoulder, 0.30, 0.30, coat),
        _limb(shoulder, (0.36, 1.02), 0.14, 0.10, dim(coat, 0.8)),
        disc((shoulder[0] + 0.07, shoulder[1] + 0.2, 0), 0.14, helmet),
        disc((shoulder[0] + 0.12, shoulder[1] + 0.16, 0), 0.08, skin),
    ]
