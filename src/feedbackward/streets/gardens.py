"""The borders between sidewalk and gardens, and plants: walls, fences, hedges, woods."""

from dataclasses import dataclass

import numpy as np

from feedbackward.streets.colors import RGB, dim, pick
from feedbackward.streets.labels import FENCE, VEGETATION, WALL
from feedbackward.streets.textures import Array, noise, stripes, tinted
from feedbackward.streets.walls import Patch, Piece

_STONES = (
    (0.55, 0.53, 0.50), (0.46, 0.42, 0.36), (0.66, 0.62, 0.54), (0.40, 0.40, 0.40), (0.46, 0.28, 0.22),
    (0.42, 0.46, 0.38),
)  # fmt: skip
_BAR = 0.6  # width of a bar, as a fraction of the pitch
_BARS = ((0.13, 0.14, 0.15), (0.22, 0.34, 0.26), (0.48, 0.32, 0.20), (0.80, 0.80, 0.78))


@dataclass(frozen=True)
class GardenWall(Piece):
    """A wall of concrete or stone.

    Args:
        color: Its color.
        block: Height of its blocks in meters.
        seed: Shifts the textures.
    """

    label = WALL

    color: RGB
    block: float
    seed: int

    def colors(self, patch: Patch) -> Array:
        """Rows of blocks below a bright coping."""
        s, y, detail = patch.s[None], patch.y, patch.detail[None]
        course = np.floor(y / self.block)
        joints = np.maximum(
            stripes(y, pitch=self.block, width=0.07),
            stripes(s + course * 0.7 * self.block, pitch=2 * self.block, width=0.08),
        )
        stain = noise(s / 3 + self.seed, y / 3, roughness=1.5)
        light = (1 + 0.14 * detail * noise(s + self.seed, y) + 0.1 * stain) * (1 - 0.35 * detail * joints)
        light = np.where(y > self.height - 0.14, 1.25, light)
        return tinted(self.color, light)


@dataclass(frozen=True)
class Fence(Piece):
    """Upright bars between two rails, with a view of what is behind them.

    Args:
        color: Its color.
        pitch: Distance between bars, in meters.
    """

    label = FENCE

    color: RGB
    pitch: float

    def colors(self, patch: Patch) -> Array:
        """Bars, or their mean color where they are finer than the pixels."""
        s, y, sharp = patch.s[None], patch.y, np.clip(1.4 - patch.z / 25, 0, 1)[None]
        bars = stripes(s, pitch=self.pitch, width=_BAR * self.pitch) * sharp + _BAR * (1 - sharp)
        rails = (np.abs(y - 0.15) < 0.07) | (y > self.height - 0.12)
        posts = stripes(s, pitch=2.4, width=0.16)
        solid = np.maximum(np.maximum(bars, rails), posts)
        return np.asarray(patch.behind * (1 - solid) + tinted(self.color, solid))


@dataclass(frozen=True)
class Greenery(Piece):
    """A hedge, or a distant row of trees.

    Args:
        color: Its color.
        raggedness: Variation of its height, as a fraction of the height.
        grain: Size of its leaves or branches.
        seed: Shifts the textures.
    """

    label = VEGETATION

    color: RGB
    raggedness: float
    grain: float
    seed: int

    def outline(self, s: Array) -> Array:
        """The height in meters at each position (w,), ragged."""
        ragged = noise(s / self.grain / 4 + self.seed, np.full_like(s, self.seed), roughness=1.2)
        return np.asarray(self.height * (1 + self.raggedness * np.clip(ragged, -2, 2)), np.float32)

    def colors(self, patch: Patch) -> Array:
        """Leaves, darker toward the ground."""
        s, y = patch.s[None], patch.y
        leaves = noise(s / self.grain + self.seed, y / self.grain)
        crowns = noise(s / self.grain / 5, y / self.grain / 4 + self.seed, roughness=1.5)
        light = (0.75 + 0.35 * np.clip(y / self.height, 0, 1)) * (1 + 0.28 * leaves + 0.22 * crowns)
        return tinted(self.color, light)


def draw_garden_wall(rng: np.random.Generator, end: float) -> GardenWall:
    """Draw a garden wall that ends at a position along the street."""
    return GardenWall(
        end=end,
        height=rng.uniform(1.1, 2.6),
        color=pick(rng, _STONES),
        block=rng.uniform(0.4, 0.8),
        seed=int(rng.integers(100)),
    )


def draw_fence(rng: np.random.Generator, end: float) -> Fence:
    """Draw a fence that ends at a position along the street."""
    return Fence(end=end, height=rng.uniform(1.3, 2.6), color=pick(rng, _BARS), pitch=rng.uniform(0.28, 0.5))


def draw_hedge(rng: np.random.Generator, end: float) -> Greenery:
    """Draw a hedge that ends at a position along the street."""
    return Greenery(
        end=end,
        height=rng.uniform(1.1, 2.4),
        color=draw_green(rng),
        raggedness=0.06,
        grain=0.3,
        seed=int(rng.integers(100)),
    )


def draw_wood(rng: np.random.Generator, end: float) -> Greenery:
    """Draw a row of trees that ends at a position along the street."""
    return Greenery(
        end=end,
        height=rng.uniform(5, 11),
        color=draw_green(rng),
        raggedness=0.22,
        grain=rng.uniform(0.8, 1.6),
        seed=int(rng.integers(100)),
    )


def draw_green(rng: np.random.Generator) -> RGB:
    """A random color of leaves."""
    leaf = (rng.uniform(0.14, 0.32), rng.uniform(0.29, 0.39), rng.uniform(0.08, 0.17))
    return dim(leaf, rng.uniform(0.7, 1.2))
