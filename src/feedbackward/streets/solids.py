"""Bodies extruded from the profile of their side, and the faces that the camera sees."""

from collections.abc import Sequence
from math import cos, hypot, sin
from typing import NamedTuple

import numpy as np

from feedbackward.streets.camera import Camera
from feedbackward.streets.canvas import Polygon
from feedbackward.streets.colors import RGB
from feedbackward.streets.polygons import MIRROR, Corner, flat, split


class Face(NamedTuple):
    """A flat face of a body: its outline, a point on it, its outward normal, and the polygons painted on it."""

    outline: Polygon
    point: Corner
    normal: Corner
    decals: tuple[Polygon, ...] = ()


def extrude(
    profile: Sequence[tuple[float, float]],
    halves: Sequence[float],
    edges: Sequence[RGB],
    sides: RGB,
    *,
    back: Sequence[Polygon] = (),
    front: Sequence[Polygon] = (),
    flank: Sequence[Polygon] = (),
) -> list[Face]:
    """A body whose two sides have the same profile.

    Args:
        profile: (ahead, up) in meters, from the bottom of the back over the roof to the bottom of the front.
        halves: Half the body's width at each point of the profile.
        edges: Colors of the faces between the points, back first.
        sides: Color of the sides.
        back: Polygons painted on the back.
        front: Polygons painted on the front.
        flank: Polygons painted on the right side, and mirrored on the left.
    """
    corners = [(half, up, ahead) for (ahead, up), half in zip(profile, halves, strict=True)]
    faces = []
    for i, color in enumerate(edges):
        (x0, y0, z0), (x1, y1, z1) = corners[i], corners[i + 1]
        outline = flat([(-x0, y0, z0), corners[i], corners[i + 1], (-x1, y1, z1)], color)
        decals = back if i == 0 else front if i == len(edges) - 1 else ()
        faces.append(Face(outline, corners[i], (0.0, z1 - z0, y0 - y1), tuple(decals)))
    side = flat(corners, sides)
    right = Face(side, corners[0], (1.0, 0.0, 0.0), tuple(flank))
    mirrored = tuple(polygon._replace(points=polygon.points * MIRROR) for polygon in flank)
    x, y, z = corners[0]
    return [*faces, right, Face(side._replace(points=side.points * MIRROR), (-x, y, z), (-1.0, 0.0, 0.0), mirrored)]


def visible(faces: Sequence[Face], camera: Camera, *, x: float, z: float, heading: float) -> list[Polygon]:
    """The faces toward the camera, farthest first, rotated by the heading and moved to (x, z)."""
    c, s = cos(heading), sin(heading)
    right, up, ahead = (
        (camera.x - x) * c + z * s,
        camera.y,
        (camera.x - x) * s - z * c,
    )  # camera in body coordinates
    seen = []
    for face in faces:
        (px, py, pz), (nx, ny, nz) = face.point, face.normal
        if nx * (right - px) + ny * (up - py) + nz * (ahead - pz) > 0:
            mx, _, mz = face.outline.points.mean(axis=0).tolist()
            seen.append((-hypot(mx - right, mz - ahead), (face.outline, *face.decals)))
    polygons = [polygon for _, group in sorted(seen, key=lambda entry: entry[0]) for polygon in group]
    if not polygons:
        return []
    points = np.concatenate([polygon.points for polygon in polygons])
    turned = points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32) + np.array([x, 0, z], np.float32)
    return split(turned, polygons)
