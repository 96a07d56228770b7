"""The plan of a street: its cross section, and at most one cross street."""

from dataclasses import dataclass

import numpy as np

from feedbackward.streets.colors import RGB
from feedbackward.streets.labels import SIDEWALK, TERRAIN


@dataclass(frozen=True)
class Band:
    """A strip along the street, from the outer edge of the previous one to `outer` meters from the center line."""

    outer: float
    label: int
    color: RGB
    roughness: float


@dataclass(frozen=True)
class Street:
    """Bands on both sides of the center line, markings, and at most one cross street.

    Args:
        half: From the center line to the curb, in meters.
        lane: Width of a lane in meters; lines are drawn between lanes.
        lanes: Lanes in each direction.
        asphalt: Color of the road.
        paving: Side of a paving slab in meters.
        bands: The strips beside the road, from the inside out, left and right.
        crossing: Start and end of the cross street along the street; None without one.
        solid: Whether the center line is solid.
        dash: Length of the dashes between lanes in meters.
        zebra: Whether there is a crosswalk in front of the cross street.
        seed: Shifts the textures.
    """

    half: float
    lane: float
    lanes: int
    asphalt: RGB
    paving: float
    bands: tuple[tuple[Band, ...], tuple[Band, ...]]
    crossing: tuple[float, float] | None
    solid: bool
    dash: float
    zebra: bool
    seed: float

    def lane_middle(self, number: int) -> float:
        """Center of a lane in meters: right of the center line for 0, 1, left of it for -1, -2."""
        return (number + 0.5) * self.lane

    def sidewalk(self, side: int) -> tuple[float, float]:
        """Start and end of the sidewalk of a side (-1 left, 1 right), in meters from the center line."""
        inner = self.half
        for band in self.bands[side > 0]:
            if band.label == SIDEWALK:
                return inner, band.outer
            inner = band.outer
        raise AssertionError("every side of a street has a sidewalk")

    @property
    def parking(self) -> bool:
        """Whether there is room for parked cars beside the lanes."""
        return self.half - self.lanes * self.lane > 2

    def front(self, side: int) -> float:
        """Where the houses of a side begin, in meters from the center line."""
        return self.bands[side > 0][-1].outer


def draw_street(rng: np.random.Generator) -> Street:
    """Draw a random street."""
    lane = rng.uniform(2.9, 3.6)
    lanes = int(rng.choice((1, 2), p=(0.75, 0.25)))
    half = lane * lanes + (2.2 if rng.random() < 0.5 else 0.3)  # with or without room to park
    gray = rng.uniform(0.22, 0.40)
    asphalt = (gray * rng.uniform(0.97, 1.03), gray, gray * rng.uniform(0.97, 1.06))
    start = rng.uniform(11, 34)
    crossing = (start, start + rng.uniform(7, 11)) if rng.random() < 0.4 else None
    return Street(
        half=half,
        lane=lane,
        lanes=lanes,
        asphalt=asphalt,
        paving=rng.uniform(0.4, 1.0),
        bands=(_draw_bands(rng, half), _draw_bands(rng, half)),
        crossing=crossing,
        solid=bool(rng.random() < 0.4),
        dash=rng.uniform(1.5, 3.0),
        zebra=bool(rng.random() < 0.6),
        seed=rng.uniform(0, 100),
    )


def _draw_bands(rng: np.random.Generator, half: float) -> tuple[Band, ...]:
    gray = rng.uniform(0.46, 0.68)
    paving = (gray * rng.uniform(1.0, 1.1), gray, gray * rng.uniform(0.88, 1.0))
    green = rng.uniform(0.8, 1.2)
    dry = rng.uniform(0.0, 0.6)
    grass = ((0.20 + 0.20 * dry) * green, (0.34 + 0.05 * dry) * green, 0.12 * green)
    bands, x = [], half
    if rng.random() < 0.35:
        x += rng.uniform(1.0, 2.4)
        bands.append(Band(x, TERRAIN, grass, 0.20))
    x += rng.uniform(2.4, 4.5)
    bands.append(Band(x, SIDEWALK, paving, 0.07))
    if rng.random() < 0.75:
        x += rng.uniform(1.5, 6.0)
        bands.append(Band(x, TERRAIN, grass, 0.20))
    return tuple(bands)
