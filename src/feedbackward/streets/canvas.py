"""The canvas: color, distance, label id and instance id of each pixel.

The nearest surface wins, so that surfaces and objects can be drawn in any order.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from feedbackward.streets.camera import Camera
from feedbackward.streets.colors import RGB
from feedbackward.streets.textures import Array, noise

_OVERSAMPLING = 2
_SOLID = 0.35  # a pixel covered this much belongs to the object


class Polygon(NamedTuple):
    """A flat piece of an object: world points (n, 3), a color in [0, 1], and its opacity."""

    points: Array
    color: RGB
    opacity: float = 1.0


class Canvas:
    """An empty picture: void (label id 0), at infinite distance.

    Args:
        camera: Projects world points into the picture, which has the camera's size.

    Attributes:
        image: Colors (3, h, w); 1 is white paper in full light.
        depth: Distances (h, w) in meters.
        label_ids: Cityscapes label ids (h, w).
        instance_ids: Label id * 1000 + n on instances, the label id elsewhere (h, w).
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.image: Array = np.zeros((3, *camera.size), np.float32)
        self.depth: Array = np.full(camera.size, np.inf, np.float32)
        self.label_ids: NDArray[np.uint8] = np.zeros(camera.size, np.uint8)
        self.instance_ids: NDArray[np.int32] = np.zeros(camera.size, np.int32)
        self._instances: Counter[int] = Counter()

    def new_instance(self, label: int) -> int:
        """The instance id of the next object of a class."""
        self._instances[label] += 1
        return label * 1000 + self._instances[label] - 1

    def put(
        self,
        window: tuple[slice, slice],
        mask: NDArray[np.bool_],
        colors: Array,
        depth: Array | float,
        label: int,
        instance: int | None = None,
    ) -> None:
        """Draw a surface into a window of the picture, where the mask is set and nothing is nearer.

        Args:
            window: Rows and columns.
            mask: Where the surface is (h, w).
            colors: Its colors (3, h, w).
            depth: Its distance, broadcast to (h, w).
            label: Its label id.
            instance: Its instance id; None for stuff.
        """
        near = self.depth[window]
        seen = mask & (depth <= near)
        np.copyto(self.image[:, window[0], window[1]], colors, where=seen)
        np.copyto(near, depth, where=seen)
        np.copyto(self.label_ids[window], label, where=seen)
        np.copyto(self.instance_ids[window], label if instance is None else instance, where=seen)

    def stamp(
        self, polygons: Sequence[Polygon], *, depth: float, label: int, instance: int | None = None, light: float = 1.0
    ) -> None:
        """Draw an object made of polygons, later ones over earlier ones, with antialiased outlines."""
        drawn = self._rasterize(polygons, depth)
        if drawn is None:
            return
        window, colors, coverage = drawn
        v = np.arange(coverage.shape[0], dtype=np.float32)[:, None] * (depth / self.camera.scale)
        u = np.arange(coverage.shape[1], dtype=np.float32)[None] * (depth / self.camera.scale)
        colors *= light * (1 + 0.05 * noise(u + depth, v))
        blended = self.image[:, window[0], window[1]] * (1 - coverage) + colors
        self.put(window, coverage >= _SOLID, blended, depth, label, instance)

    def shade(self, polygons: Sequence[Polygon]) -> None:
        """Cast shadows on the ground: blend their colors in; labels and distances stay."""
        drawn = self._rasterize(polygons, 0)
        if drawn is not None:
            window, colors, coverage = drawn
            self.image[:, window[0], window[1]] *= 1 - coverage
            self.image[:, window[0], window[1]] += colors

    def _rasterize(self, polygons: Sequence[Polygon], depth: float) -> tuple[tuple[slice, slice], Array, Array] | None:
        """The area that the polygons cover, or None: a window, colors times coverage (3, h, w), and coverage (h, w)."""
        if not polygons:
            return None
        flat = self.camera.project(np.concatenate([polygon.points for polygon in polygons]))
        height, width = self.camera.size
        left, top = np.clip(np.floor(flat.min(axis=0)), 0, (width, height)).astype(int).tolist()
        right, bottom = np.clip(np.ceil(flat.max(axis=0)), 0, (width, height)).astype(int).tolist()
        window = slice(top, bottom), slice(left, right)
        if right <= left or bottom <= top or bool((self.depth[window] < depth).all()):
            return None
        sheet = Image.new("RGBA", ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING))
        pen = ImageDraw.Draw(sheet)
        start = 0
        for polygon in polygons:
            corners = (flat[start : start + len(polygon.points)] - (left, top)) * _OVERSAMPLING - 0.5
            start += len(polygon.points)
            ink = [round(255 * min(max(value, 0.0), 1.0)) for value in (*polygon.color, polygon.opacity)]
            pen.polygon(corners.ravel().tolist(), fill=(ink[0], ink[1], ink[2], ink[3]))
        pixels = (
            np.asarray(sheet.convert("RGBa").reduce(_OVERSAMPLING)).transpose(2, 0, 1).astype(np.float32, order="C")
        )
        pixels *= np.float32(1 / 255)
        return window, pixels[:3], pixels[3]
