"""Pedestrians: flat figures that face the camera."""

import numpy as np

from feedbackward.streets.canvas import Polygon
from feedbackward.streets.colors import dim, pick
from feedbackward.streets.polygons import disc, limb, outline, upright

SKINS = ((0.86, 0.66, 0.54), (0.72, 0.52, 0.40), (0.52, 0.36, 0.26), (0.34, 0.23, 0.17))
HAIRS = ((0.08, 0.06, 0.05), (0.24, 0.15, 0.09), (0.55, 0.42, 0.24), (0.5, 0.5, 0.5))
CLOTHES = (
    (0.10, 0.11, 0.13), (0.16, 0.20, 0.32), (0.30, 0.31, 0.32), (0.52, 0.14, 0.13), (0.20, 0.32, 0.22),
    (0.70, 0.68, 0.63), (0.44, 0.33, 0.22), (0.62, 0.50, 0.16), (0.26, 0.40, 0.58),
)  # fmt: skip


def draw_person(rng: np.random.Generator) -> list[Polygon]:
    """Draw a standing or walking person about 1.75 m tall, with the feet at (0, 0)."""
    coat, trousers, skin, hair = (pick(rng, colors) for colors in (CLOTHES, CLOTHES, SKINS, HAIRS))
    tall, stout = rng.uniform(0.86, 1.06), rng.uniform(0.95, 1.3)
    stride, swing = rng.uniform(0.04, 0.30), rng.uniform(-0.15, 0.15)
    hip, shoulder, head = 0.90 * tall, 1.42 * tall, 1.62 * tall
    half = 0.22 * stout
    figure = [
        limb((-0.07, hip), (-stride, 0.04), 0.21 * stout, 0.11, trousers),
        limb((0.07, hip), (stride, 0.0), 0.21 * stout, 0.11, dim(trousers, 0.8)),
        limb((-half, shoulder - 0.05), (-half - 0.06 + swing, hip - 0.02), 0.14, 0.10, dim(coat, 0.75)),
        limb((half, shoulder - 0.05), (half + 0.06 + swing, hip - 0.02), 0.14, 0.10, dim(coat, 0.7)),
        outline([(-half, shoulder), (half, shoulder), (half * 0.95, hip - 0.10), (-half * 0.95, hip - 0.10)], coat),
        outline([(0.05, shoulder), (half, shoulder), (half * 0.95, hip - 0.10), (0.1, hip - 0.10)], dim(coat, 0.85)),
        disc((0, head, 0), 0.135, hair),
        disc((0, head - 0.035, 0), 0.105, skin),
    ]
    if rng.random() < 0.3:
        bag, side = pick(rng, CLOTHES), int(rng.choice((-1, 1)))
        figure.append(upright(side * 0.28 - 0.12, side * 0.28 + 0.12, hip - 0.35, hip + 0.02, 0, bag))
    return figure
