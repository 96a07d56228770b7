"""Walls along the street or across it: rows of pieces, such as houses or garden walls.

Each column of the picture hits a wall at a single distance: the pixels of a wall have a distance z and a position s
along it per column, and a height y per pixel.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from feedbackward.streets.canvas import Canvas
from feedbackward.streets.textures import Array


@dataclass(frozen=True)
class Patch:
    """The pixels of one piece of a wall.

    Args:
        s: Position along the wall in meters (w,).
        y: Height above the ground in meters (h, w).
        z: Distance in meters (w,).
        behind: The colors behind the piece (3, h, w).
    """

    s: Array
    y: Array
    z: Array
    behind: Array

    @property
    def detail(self) -> Array:
        """The visibility of details of 0.1 m at that distance (w,), 0 to 1."""
        return np.clip(1.3 - self.z / 45, 0.1, 1)


@dataclass(frozen=True)
class Piece(ABC):
    """A piece of a wall, from the end of the previous piece to s = end.

    Args:
        end: Where it ends, in meters along the wall.
        height: Height in meters; 0 for a gap.
    """

    label: ClassVar[int]

    end: float
    height: float

    def outline(self, s: Array) -> Array:
        """The height in meters at each position (w,)."""
        return np.full(s.shape, self.height, np.float32)

    @abstractmethod
    def colors(self, patch: Patch) -> Array:
        """The colors (3, h, w)."""


@dataclass(frozen=True)
class Gap(Piece):
    """A gap in a wall."""

    label = 0
    height: float = 0.0

    def colors(self, patch: Patch) -> Array:
        """The colors behind the gap."""
        return patch.behind


def paint_wall(canvas: Canvas, pieces: Sequence[Piece], z: Array, s: Array, *, start: float, light: float) -> None:
    """Paint a row of pieces.

    Args:
        canvas: The canvas.
        pieces: The pieces, in the order of their ends.
        z: Distance (w,) at which each column hits the wall; infinite where it does not.
        s: Position (w,) along the wall at that point.
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
    mask = (y >= 0) & (y < outline[None]) & (z[None] <= canvas.depth[rows, columns])
    if not mask.any():
        return
    colors = piece.colors(Patch(s, y, z, canvas.image[:, rows, columns])) * np.float32(light)
    canvas.put((rows, columns), mask, colors, z[None], piece.label)
