"""The camera behind the windshield: a pinhole camera without roll, above a flat street that may curve.

World coordinates in meters: x to the right of the street's center line, y above the road, z ahead of the camera.
"""

from dataclasses import dataclass

import numpy as np

from feedbackward.streets.textures import Array

FAR = 150.0
_NEAR = 0.8


@dataclass(frozen=True)
class Camera:
    """The camera; lengths in the picture are relative, so that pictures of any size show the same street.

    Args:
        size: Height and width of the picture in pixels.
        focal: Focal length in picture widths.
        horizon: Row of the horizon, as a fraction of the picture's height.
        vanishing: Column of the vanishing point, as a fraction of the picture's width.
        x: Distance to the right of the street's center line, in meters.
        y: Height above the road, in meters.
        bend: The street's curvature: the center line is at x = bend * z**2.
    """

    size: tuple[int, int]
    focal: float
    horizon: float
    vanishing: float
    x: float
    y: float
    bend: float

    @property
    def scale(self) -> float:
        """Pixels per meter at a distance of one meter."""
        return self.focal * self.size[1]

    @property
    def horizon_row(self) -> float:
        """Row of the horizon in pixels."""
        return self.horizon * self.size[0]

    def project(self, points: Array) -> Array:
        """Project world points (n, 3) to picture points (n, 2): column and row in pixels."""
        z = np.maximum(points[:, 2], _NEAR)
        column = self.vanishing * self.size[1] + self.scale * (points[:, 0] - self.x + self.bend * z * z) / z
        row = self.horizon_row + self.scale * (self.y - points[:, 1]) / z
        return np.stack([column, row], axis=1).astype(np.float32)

    @property
    def ground_row(self) -> int:
        """The first row that shows the ground, which ends at a distance of FAR."""
        return max(0, int(self.horizon_row + self.scale * self.y / FAR) + 1)

    def slopes(self) -> Array:
        """The slope (x - camera.x) / z of the ray through each column (w,)."""
        columns = np.arange(self.size[1], dtype=np.float32) + 0.5
        return (columns - self.vanishing * self.size[1]) / self.scale

    def ground(self) -> tuple[Array, Array]:
        """The ground: x (h - r, w) and z (h - r, 1) of the pixels from row r, its first, downward."""
        rows = np.arange(self.ground_row, self.size[0], dtype=np.float32)[:, None] + 0.5
        z = self.scale * self.y / (rows - self.horizon_row)
        return self.slopes()[None] * z + self.x - self.bend * z * z, z

    def side_wall(self, x: float) -> Array:
        """Distance z (w,) at which each column hits a wall along the street at x; infinite where it does not."""
        u, gap = self.slopes(), x - self.x
        root = np.sqrt(np.maximum(u * u - 4 * self.bend * gap, 0))
        denominator = u + np.sign(gap) * root  # the nearer root of bend z^2 - u z + gap = 0, stable for bend = 0
        missed = (u * u < 4 * self.bend * gap) | (denominator * gap <= 0)
        z = 2 * gap / np.where(missed, 1, denominator)
        return np.where(missed | (z > FAR), np.inf, z).astype(np.float32)

    def heights(self, z: Array, rows: slice) -> Array:
        """Height y (rows, n) in meters of the pixels of some rows, in columns that hit a wall at distance z (n,)."""
        offsets = self.horizon_row - (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5)
        return self.y + offsets * (z / self.scale)[None]
