"""What stands upright along the street: houses with windows, garden walls, fences, hedges and woods.

A wall is met by every column of the picture at one distance, so its pixels are a distance and a position s along the
wall for each column and a height y for each pixel.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.streets.canvas import RGB, Canvas
from feedbackward.data.streets.textures import Array, hashed, noise, stripes, tinted

BUILDING, WALL, FENCE, VEGETATION = 11, 12, 13, 21
_LAMPLIGHT = (1.25, 1.0, 0.55)


@dataclass(frozen=True)
class Patch:
    """The pixels of one piece of a wall: s (w,), y (h, w) and z (w,) in metres, and what is behind them (3, h, w)."""

    s: Array
    y: Array
    z: Array
    behind: Array

    @property
    def detail(self) -> Array:
        """How much of a decimetre's detail is left at that distance (w,), 0 to 1."""
        return np.clip(1.3 - self.z / 45, 0.1, 1)


@dataclass(frozen=True)
class Piece(ABC):
    """A piece of a wall: it ends where s = end, and nothing stands there if its height is 0; both in metres."""

    label: ClassVar[int]

    end: float
    height: float

    def outline(self, s: Array) -> Array:
        """Its height in metres at each position (w,)."""
        return np.full(s.shape, self.height, np.float32)

    @abstractmethod
    def colors(self, patch: Patch) -> Array:
        """Its colours (3, h, w)."""


@dataclass(frozen=True)
class House(Piece):
    """A house front: storeys, bays of windows, a roof, perhaps a shop at its foot."""

    label = BUILDING

    plaster: RGB
    roof: RGB
    roof_height: float
    storey: float
    bay: float
    window: tuple[float, float]  # shares of bay and storey
    bricks: bool
    shop: RGB | None
    glass: RGB
    lamps: float
    seed: int

    def colors(self, patch: Patch) -> Array:
        """Plaster or bricks, windows in rows, the roof."""
        s, y, detail = patch.s[None], patch.y, patch.detail[None]
        wall = 1 + 0.09 * detail * noise(s + self.seed, y) + 0.05 * noise(s / 5 + self.seed, y / 5, roughness=1.6)
        if self.bricks:
            wall = wall * (1 - 0.22 * detail * stripes(y, pitch=0.3, width=0.08))
        wall = wall * (0.82 + 0.18 * np.clip(y / 2.5, 0, 1))  # less light comes down to the pavement
        colors = tinted(self.plaster, wall)

        across, up = s / self.bay, y / self.storey
        column, row = np.floor(across), np.floor(up)
        dx, dy = np.abs(across - column - 0.5) * 2, np.abs(up - row - 0.52) * 2
        eaves = self.height - self.roof_height
        upper = (row + 1 <= eaves / self.storey) & (row >= (1 if self.shop else 0))
        frame = (dx < self.window[0] + 0.12) & (dy < self.window[1] + 0.10) & upper
        colors *= np.where(frame, 1 + 0.25 * detail, 1)
        pane = (dx < self.window[0]) & (dy < self.window[1]) & (upper & (dx > 0.05))
        random = hashed(column.astype(np.int32), row.astype(np.int32), salt=self.seed)
        np.copyto(colors, self._panes(random, y), where=pane)
        if self.shop:
            self._paint_shop(colors, wall, dx, up, random)
        if self.roof_height:
            tiles = 1 + 0.12 * noise(s, y) - 0.2 * detail * stripes(y, pitch=0.4, width=0.1)
            np.copyto(colors, tinted(self.roof, tiles), where=y > eaves)
        colors *= np.where(np.abs(y - eaves + 0.15) < 0.15, 0.7, 1).astype(np.float32)
        return colors

    def _panes(self, random: Array, y: Array) -> Array:
        glass = tinted(self.glass, 0.6 + 0.9 * random + 0.02 * y)
        return np.where(random < self.lamps, np.array(_LAMPLIGHT, np.float32)[:, None, None], glass)

    def _paint_shop(self, colors: Array, wall: Array, dx: Array, up: Array, random: Array) -> None:
        ground = up < 1
        window = ground & (up > 0.12) & (up < 0.72) & (dx < 0.9)
        np.copyto(colors, self._panes(random * 0.7, up), where=window)
        awning = ground & (up > 0.74) & (up < 0.95)
        np.copyto(colors, tinted(self.shop, wall), where=awning)


@dataclass(frozen=True)
class GardenWall(Piece):
    """A low wall of concrete or stone."""

    label = WALL

    color: RGB
    block: float
    seed: int

    def colors(self, patch: Patch) -> Array:
        """Courses of blocks under a bright coping."""
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
    """Upright bars between two rails; what is behind it shows through."""

    label = FENCE

    color: RGB
    pitch: float

    def colors(self, patch: Patch) -> Array:
        """Bars where there are bars, fading to their mean where they are finer than the pixels."""
        s, y, sharp = patch.s[None], patch.y, np.clip(1.4 - patch.z / 25, 0, 1)[None]
        bars = stripes(s, pitch=self.pitch, width=0.42 * self.pitch) * sharp + 0.42 * (1 - sharp)
        rails = (np.abs(y - 0.15) < 0.07) | (y > self.height - 0.12)
        posts = stripes(s, pitch=2.4, width=0.16)
        solid = np.maximum(np.maximum(bars, rails), posts)
        return patch.behind * (1 - solid) + tinted(self.color, solid)


@dataclass(frozen=True)
class Greenery(Piece):
    """A hedge, or the trees of a wood seen from afar."""

    label = VEGETATION

    color: RGB
    raggedness: float  # of the height
    grain: float  # size of the leaves or crowns in metres
    seed: int

    def outline(self, s: Array) -> Array:
        """Ragged."""
        ragged = noise(s / self.grain / 4 + self.seed, np.float32(self.seed), roughness=1.2)
        return np.asarray(self.height * (1 + self.raggedness * np.clip(ragged, -2, 2)), np.float32)

    def colors(self, patch: Patch) -> Array:
        """Leaves, darker towards the ground."""
        s, y = patch.s[None], patch.y
        leaves = noise(s / self.grain + self.seed, y / self.grain)
        crowns = noise(s / self.grain / 5, y / self.grain / 4 + self.seed, roughness=1.5)
        light = (0.75 + 0.35 * np.clip(y / self.height, 0, 1)) * (1 + 0.28 * leaves + 0.22 * crowns)
        return tinted(self.color, light)


@dataclass(frozen=True)
class Gap(Piece):
    """Nothing."""

    label = 0


    def colors(self, patch: Patch) -> Array:
        """What is behind."""
        return patch.behind


def paint_wall(canvas: Canvas, pieces: Sequence[Piece], z: Array, s: Array, *, start: float, light: float) -> None:
    """Paint a row of pieces.

    Args:
        canvas: Where to.
        pieces: The pieces, in the order of their ends.
        z: Distance (w,) at which each column meets the wall, infinite where it does not.
        s: Position (w,) along the wall there.
        start: Where the first piece begins.
        light: Light on the wall.
    """
    for piece in pieces:
        columns = np.flatnonzero(np.isfinite(z) & (s >= start) & (s < piece.end))
        start = piece.end
        if len(columns) and piece.height > 0:
            window = slice(int(columns[0]), int(columns[-1]) + 1)
            _paint_piece(canvas, piece, z[window], s[window], window, light)


def _paint_piece(canvas: Canvas, piece: Piece, z: Array, s: Array, columns: slice, light: float) -> None:
    camera = canvas.camera
    outline = piece.outline(s)
    top = camera.horizon_row + camera.scale * float(np.min((camera.y - outline) / z))
    bottom = camera.horizon_row + camera.scale * camera.y / float(z.min())
    rows = slice(max(0, int(top)), min(camera.size[0], int(bottom) + 1))
    if rows.stop <= rows.start:
        return
    y = camera.heights(z, rows)
    mask: NDArray[np.bool_] = (y >= 0) & (y < outline[None]) & (z[None] <= canvas.depth[rows, columns])
    if not mask.any():
        return
    colors = piece.colors(Patch(s, y, z, canvas.image[:, rows, columns])) * np.float32(light)
    canvas.put((rows, columns), mask, colors, z[None], piece.label)
