"""Bicycles, motorcycles and their riders: flat figures that face the camera."""

from math import cos, pi, sin

import numpy as np

from feedbackward.streets.canvas import Polygon
from feedbackward.streets.colors import dim, pick
from feedbackward.streets.people import CLOTHES, HAIRS, SKINS
from feedbackward.streets.polygons import disc, limb, outline, upright

_VIVID = (
    (0.86, 0.80, 0.16), (0.90, 0.42, 0.10), (0.56, 0.80, 0.20), (0.84, 0.16, 0.14), (0.16, 0.42, 0.82),
    (0.90, 0.90, 0.88),
)  # fmt: skip
_TYRE, _STEEL = (0.07, 0.07, 0.08), (0.45, 0.46, 0.48)


def draw_bicycle(rng: np.random.Generator, *, across: bool) -> list[Polygon]:
    """Draw a bicycle, from the side if it stands across the view, otherwise from behind."""
    frame = pick(rng, _VIVID)
    if not across:
        return [
            limb((0, 0.0), (0, 0.70), 0.14, 0.14, _TYRE),
            limb((-0.3, 1.02), (0.3, 1.02), 0.08, 0.06, _TYRE),
            limb((0, 0.5), (0, 0.98), 0.12, 0.12, frame),
            upright(-0.13, 0.13, 0.86, 0.96, 0, _TYRE),
            upright(-0.06, 0.06, 0.60, 0.70, 0, (0.7, 0.1, 0.1)),
        ]
    wheels = [
        polygon
        for x in (-0.52, 0.52)
        for polygon in (
            disc((x, 0.35, 0), 0.35, _TYRE),
            disc((x, 0.35, 0), 0.26, _STEEL, opacity=0.6),
            disc((x, 0.35, 0), 0.06, _TYRE),
        )
    ]
    tubes = (
        ((-0.52, 0.35), (-0.18, 0.85)), ((-0.52, 0.35), (-0.05, 0.33)), ((-0.05, 0.33), (-0.18, 0.9)),
        ((-0.05, 0.33), (0.38, 0.80)), ((-0.18, 0.80), (0.38, 0.82)), ((0.36, 0.95), (0.52, 0.35)),
    )  # fmt: skip
    return [
        *wheels,
        *(limb(start, end, 0.09, 0.09, frame) for start, end in tubes),
        limb((-0.32, 0.93), (-0.06, 0.93), 0.09, 0.06, _TYRE),
        limb((0.28, 1.0), (0.46, 0.98), 0.06, 0.06, _TYRE),
    ]


def draw_motorcycle(rng: np.random.Generator, *, across: bool) -> list[Polygon]:
    """Draw a motorcycle, from the side if it stands across the view, otherwise from behind."""
    paint = pick(rng, _VIVID)
    if not across:
        return [
            limb((0, 0.0), (0, 0.66), 0.22, 0.22, _TYRE),
            outline([(-0.22, 0.42), (0.22, 0.42), (0.27, 0.84), (-0.27, 0.84)], paint),
            upright(-0.14, 0.14, 0.62, 0.74, 0, (0.75, 0.1, 0.08)),
            upright(-0.11, 0.11, 0.44, 0.56, 0, (0.8, 0.8, 0.75)),
            limb((-0.42, 1.02), (0.42, 1.02), 0.08, 0.08, _TYRE),
            upright(-0.48, -0.34, 1.05, 1.17, 0, _STEEL),
            upright(0.34, 0.48, 1.05, 1.17, 0, _STEEL),
        ]
    wheels = [
        disc((x, 0.32, 0), radius, color) for x in (-0.68, 0.70) for radius, color in ((0.32, _TYRE), (0.17, _STEEL))
    ]
    return [
        *wheels,
        outline([(-0.40, 0.30), (0.35, 0.28), (0.45, 0.62), (-0.35, 0.66)], dim(_STEEL, 0.6)),
        outline([(-0.85, 0.80), (-0.10, 0.68), (0.10, 0.84), (-0.20, 0.86), (-0.85, 0.92)], _TYRE),
        outline([(-0.15, 0.70), (0.42, 0.62), (0.46, 0.96), (0.10, 0.98)], paint),
        limb((0.44, 1.02), (0.70, 0.32), 0.10, 0.12, _STEEL),
        outline([(0.42, 0.78), (0.66, 0.80), (0.50, 1.14), (0.38, 1.06)], dim(paint, 0.8)),
        limb((-0.75, 0.36), (0.05, 0.34), 0.12, 0.12, _STEEL),
    ]


def draw_rider(rng: np.random.Generator, *, across: bool, motorcycle: bool) -> list[Polygon]:
    """Draw the rider of a bicycle or motorcycle, seated as the vehicles above require."""
    coat = pick(rng, _VIVID if rng.random() < 0.7 else CLOTHES)
    trousers, skin = pick(rng, CLOTHES), pick(rng, SKINS)
    helmet = pick(rng, _VIVID) if motorcycle or rng.random() < 0.6 else pick(rng, HAIRS)
    seat, lean = (0.86, 0.20) if motorcycle else (0.95, rng.uniform(0.15, 0.32))
    turn = rng.uniform(0, 2 * pi)
    if not across:
        knee = 0.12 * sin(turn)
        return [
            limb((-0.10, seat), (-0.17, 0.28 + knee), 0.20, 0.12, trousers),
            limb((0.10, seat), (0.17, 0.28 - knee), 0.20, 0.12, dim(trousers, 0.85)),
            limb((-0.19, seat + 0.50), (-0.30, seat + 0.12), 0.15, 0.11, dim(coat, 0.8)),
            limb((0.19, seat + 0.50), (0.30, seat + 0.12), 0.15, 0.11, dim(coat, 0.75)),
            outline([(-0.23, seat + 0.55), (0.23, seat + 0.55), (0.20, seat - 0.06), (-0.20, seat - 0.06)], coat),
            disc((0, seat + 0.71, 0), 0.14, helmet),
            disc((0, seat + 0.64, 0), 0.08, skin),
        ]
    hip, shoulder = (-0.22, seat), (-0.22 + lean, seat + 0.50)
    pedal = (0.05, 0.36) if motorcycle else (-0.05 + 0.15 * cos(turn), 0.36 + 0.15 * sin(turn))
    knee_at = (0.12, (seat + pedal[1]) / 2 + 0.10)
    return [
        limb(hip, knee_at, 0.22, 0.16, trousers),
        limb(knee_at, pedal, 0.16, 0.12, trousers),
        limb(hip, shoulder, 0.30, 0.30, coat),
        limb(shoulder, (0.36, 1.02), 0.14, 0.10, dim(coat, 0.8)),
        disc((shoulder[0] + 0.07, shoulder[1] + 0.2, 0), 0.14, helmet),
        disc((shoulder[0] + 0.12, shoulder[1] + 0.16, 0), 0.08, skin),
    ]
