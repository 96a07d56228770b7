"""Solid bodies from profiles: what a car looks like from where the camera stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from feedbackward.data.streets.camera import Camera
from feedbackward.data.streets.canvas import RGB, Polygon
from feedbackward.data.streets.textures import Array


_MIRROR = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True)
class Face:
    """A flat face of a body, its corners (n, 3) counter-clockwise seen from outside, with what is painted on it."""

    points: Array
    color: RGB
    decals: tuple[Polygon, ...] = ()


def dim(color: RGB, factor: float) -> RGB:
    """A darker or brighter colour."""
    return color[0] * factor, color[1] * factor, color[2] * factor


def quad(corners: Sequence[tuple[float, float, float]], color: RGB) -> Polygon:
    """A polygon from its corners."""
    return Polygon(np.array(corners, np.float32), color)


def disc(center: tuple[float, float, float], radius: float, color: RGB, *, normal: str = "x", sides: int = 12) -> Polygon:
    """A disc across the x axis (a wheel seen from the side) or across the z axis (a lamp seen from the front)."""
    angles = np.arange(sides) * (2 * pi / sides)
    round_, up, flat = radius * np.cos(angles), radius * np.sin(angles), np.zeros(sides)
    points = np.stack((flat, up, round_) if normal == "x" else (round_, up, flat), axis=1)
    return Polygon((points + center).astype(np.float32), color)


def extrude(
    profile: Sequence[tuple[float, float]], halves: Sequence[float], edges: Sequence[RGB], sides: RGB, *,
    back: Sequence[Polygon] = (), front: Sequence[Polygon] = (), flank: Sequence[Polygon] = (),
) -> list[Face]:  # fmt: skip
    """A body whose two sides have one profile.

    Args:
        profile: (ahead, up) in metres, from the bottom of the back over the roof to the bottom of the front.
        halves: Half the body's width at each point of the profile.
        edges: Colours of the faces between the points, back first.
        sides: Colour of the sides.
        back: What is painted on the back.
        front: What is painted on the front.
        flank: What is painted on the right side, and mirrored on the left.
    """
    left = np.array([(-half, up, ahead) for (ahead, up), half in zip(profile, halves, strict=True)], np.float32)
    right = left * _MIRROR
    decals = (tuple(back), *[()] * (len(edges) - 2), tuple(front))
    between = [
        Face(np.stack([left[i], right[i], right[i + 1], left[i + 1]]), color, decals[i])
        for i, color in enumerate(edges)
    ]
    mirrored = tuple(polygon._replace(points=polygon.points * _MIRROR) for polygon in flank)
    return [*between, Face(left, sides, mirrored), Face(right[::-1], sides, tuple(flank))]


def upright(left: float, right: float, low: float, high: float, ahead: float, color: RGB) -> Polygon:
    """A rectangle that stands across the body."""
    return quad([(left, low, ahead), (right, low, ahead), (right, high, ahead), (left, high, ahead)], color)


def alongside(x: float, back: float, front: float, low: float, high: float, color: RGB) -> Polygon:
    """A rectangle that stands along the body."""
    return quad([(x, low, back), (x, low, front), (x, high, front), (x, high, back)], color)


def place(points: Array, *, x: float, z: float, heading: float) -> Array:
    """Local points (n, 3) (to the right, up, ahead) to the world: turned by the heading, then moved to (x, z)."""
    right, up, ahead = points.T
    c, s = cos(heading), sin(heading)
    return np.stack([x + right * c + ahead * s, up, z + ahead * c - right * s], axis=1).astype(np.float32)


def visible(faces: Sequence[Face], camera: Camera, *, x: float, z: float, heading: float) -> list[Polygon]:
    """The faces of a body that look at the camera, far ones first, with their decals on them."""
    eye = np.array([camera.x, camera.y, 0.0], np.float32)
    seen = []
    for face in faces:
        points = place(face.points, x=x, z=z, heading=heading)
        normal = np.cross(points[1] - points[0], points[2] - points[1])
        middle = points.mean(axis=0)
        if np.dot(normal, middle - eye) > 0:  # the axes are left-handed: the product points inwards
            seen.append((float(np.linalg.norm(middle - eye)), points, face))
    polygons = []
    for _, points, face in sorted(seen, key=lambda entry: -entry[0]):
        polygons.append(Polygon(points, face.color))
        polygons += [d._replace(points=place(d.points, x=x, z=z, heading=heading)) for d in face.decals]
    return polygons
