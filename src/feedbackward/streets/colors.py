"""Surface colors: red, green and blue; 1 is white in full light."""

from collections.abc import Sequence

import numpy as np

RGB = tuple[float, float, float]


def dim(color: RGB, factor: float) -> RGB:
    """The color, darker or brighter."""
    return color[0] * factor, color[1] * factor, color[2] * factor


def pick(rng: np.random.Generator, colors: Sequence[RGB]) -> RGB:
    """A random one of the colors, slightly darker or brighter."""
    return dim(colors[int(rng.integers(len(colors)))], rng.uniform(0.83, 1.15))
