"""House fronts."""

from dataclasses import dataclass

import numpy as np

from feedbackward.streets.colors import RGB, pick
from feedbackward.streets.labels import BUILDING
from feedbackward.streets.textures import Array, hashed, noise, stripes, tinted
from feedbackward.streets.walls import Patch, Piece

_PLASTERS = (
    (0.74, 0.70, 0.60), (0.62, 0.50, 0.38), (0.48, 0.30, 0.24), (0.56, 0.56, 0.55), (0.80, 0.78, 0.74),
    (0.66, 0.60, 0.42), (0.42, 0.44, 0.47), (0.70, 0.54, 0.44), (0.50, 0.56, 0.50),
)  # fmt: skip
_ROOFS = ((0.42, 0.20, 0.15), (0.26, 0.25, 0.26), (0.34, 0.28, 0.24))
_AWNINGS = ((0.50, 0.12, 0.12), (0.14, 0.28, 0.22), (0.18, 0.22, 0.40), (0.60, 0.52, 0.34), (0.25, 0.25, 0.26))
_LAMPLIGHT = (1.25, 1.0, 0.55)


@dataclass(frozen=True)
class House(Piece):
    """A house front: stories, bays of windows, a roof, and possibly shops on the ground floor.

    Args:
        plaster: Color of the wall.
        roof: Color of the roof.
        roof_height: Height of the roof in meters, included in the house's; 0 for a flat roof.
        story: Height of a story in meters.
        bay: Distance between windows, in meters.
        window: Width and height of a window, as fractions of bay and story.
        bricks: Whether the wall is of bricks.
        awning: Color of the shops' awnings; None without shops.
        glass: Color of dark windows.
        lamps: Fraction of lit windows.
        seed: Shifts the textures and selects the lit windows.
    """

    label = BUILDING

    plaster: RGB
    roof: RGB
    roof_height: float
    story: float
    bay: float
    window: tuple[float, float]
    bricks: bool
    awning: RGB | None
    glass: RGB
    lamps: float
    seed: int

    def colors(self, patch: Patch) -> Array:
        """Plaster or bricks, rows of windows, shops, and the roof."""
        s, y, detail = patch.s[None], patch.y, patch.detail[None]
        wall = self._wall(s, y, detail)
        colors = tinted(self.plaster, wall)

        across, up = s / self.bay, y / self.story
        bay, story = np.floor(across), np.floor(up)
        dx, dy = np.abs(across - bay - 0.5) * 2, np.abs(up - story - 0.52) * 2
        eaves = self.height - self.roof_height
        upper = (story + 1 <= eaves / self.story) & (story >= (1 if self.awning else 0))
        frame = (dx < self.window[0] + 0.12) & (dy < self.window[1] + 0.10) & upper
        pane = (dx < self.window[0]) & (dx > 0.05) & (dy < self.window[1]) & upper  # a bar in the middle
        chance = hashed(bay.astype(np.int32), story.astype(np.int32), salt=self.seed)
        colors *= np.where(frame, 1 + 0.25 * detail, 1)
        np.copyto(colors, self._panes(chance, y), where=pane)
        if self.awning:
            shop = (up > 0.12) & (up < 0.72) & (dx < 0.9)
            np.copyto(colors, self._panes(chance * 0.7, up), where=shop)
            np.copyto(colors, tinted(self.awning, wall), where=(up > 0.74) & (up < 0.95))
        if self.roof_height:
            tiles = 1 + 0.12 * noise(s, y) - 0.2 * detail * stripes(y, pitch=0.4, width=0.1)
            np.copyto(colors, tinted(self.roof, tiles), where=y > eaves)
        colors *= np.where(np.abs(y - eaves + 0.15) < 0.15, 0.7, 1).astype(np.float32)
        return colors

    def _wall(self, s: Array, y: Array, detail: Array) -> Array:
        stains = noise(s / 5 + self.seed, y / 5, roughness=1.6)
        wall = 1 + 0.09 * detail * noise(s + self.seed, y) + 0.05 * stains
        if self.bricks:
            wall = wall * (1 - 0.22 * detail * stripes(y, pitch=0.3, width=0.08))
        return np.asarray(wall * (0.82 + 0.18 * np.clip(y / 2.5, 0, 1)))  # less light reaches the ground

    def _panes(self, chance: Array, y: Array) -> Array:
        glass = tinted(self.glass, 0.6 + 0.9 * chance + 0.02 * y)
        return np.where(chance < self.lamps, np.array(_LAMPLIGHT, np.float32)[:, None, None], glass)


def draw_house(rng: np.random.Generator, end: float, *, lamps: float) -> House:
    """Draw a house.

    Args:
        rng: Source of randomness.
        end: Where it ends, in meters along its wall.
        lamps: Fraction of lit windows.
    """
    story = rng.uniform(2.8, 3.6)
    stories, gabled = int(rng.integers(2, 7)), rng.random() < 0.55
    roof = rng.uniform(1.5, 3.5) if gabled else 0.0
    glass = rng.uniform(0.10, 0.34)
    return House(
        end=end,
        height=stories * story + roof + rng.uniform(0.2, 0.8),
        plaster=pick(rng, _PLASTERS),
        roof=pick(rng, _ROOFS),
        roof_height=roof,
        story=story,
        bay=rng.uniform(1.7, 3.4),
        window=(rng.uniform(0.35, 0.75), rng.uniform(0.42, 0.66)),
        bricks=bool(rng.random() < 0.4),
        awning=pick(rng, _AWNINGS) if rng.random() < 0.4 else None,
        glass=(glass * 0.9, glass, glass * 1.15),
        lamps=lamps,
        seed=int(rng.integers(1000)),
    )
