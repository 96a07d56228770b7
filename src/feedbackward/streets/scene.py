"""A street scene from a seed: the plan of the street, its objects, the light and the camera."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedbackward.streets.camera import Camera
from feedbackward.streets.canvas import Canvas
from feedbackward.streets.furniture import paint_tree
from feedbackward.streets.ground import house_shadow, paint_ground
from feedbackward.streets.labels import EGO_VEHICLE, TERRAIN
from feedbackward.streets.light import Light, develop, draw_light, paint_sky
from feedbackward.streets.rows import draw_border, draw_houses, paint_backdrop, paint_border, paint_houses
from feedbackward.streets.street import Street, draw_street
from feedbackward.streets.textures import tinted
from feedbackward.streets.things import (
    Thing,
    draw_cyclists,
    draw_furniture,
    draw_parked,
    draw_people,
    draw_traffic,
)
from feedbackward.streets.walls import Piece


class Scene(NamedTuple):
    """A picture and its ground truth.

    Attributes:
        image: RGB, uint8 (h, w, 3).
        label_ids: Cityscapes label ids, uint8 (h, w).
        instance_ids: Label id * 1000 + n on instances, the label id elsewhere, int32 (h, w).
    """

    image: NDArray[np.uint8]
    label_ids: NDArray[np.uint8]
    instance_ids: NDArray[np.int32]


def draw_scene(seed: int | Sequence[int], size: tuple[int, int]) -> Scene:
    """Draw a street scene.

    Args:
        seed: One or several nonnegative integers.
        size: Height and width in pixels; sizes of the same aspect ratio show the same scene.
    """
    rng = np.random.default_rng(seed)
    (pixels,) = rng.spawn(1)  # the numbers drawn per pixel must not change the others
    light, street = draw_light(rng), draw_street(rng)
    camera = _draw_camera(rng, street, size)
    houses = {side: draw_houses(rng, street, lamps=light.hour.lamps) for side in (-1, 1)}
    sunny = houses[-1 if light.sun > 0 else 1]
    canvas = Canvas(camera)
    paint_sky(canvas, light, offset=rng.uniform(0, 50))
    paint_ground(canvas, street, sunny, light)
    things = [
        *draw_traffic(rng, street, camera),
        *draw_parked(rng, street, camera),
        *draw_people(rng, street),
        *draw_cyclists(rng, street),
        *draw_furniture(rng, street),
    ]
    canvas.shade([thing.shadow(shift=thing.height * light.sun, opacity=1 - light.shadow) for thing in things])
    canvas.shade([thing.shadow(shift=0, opacity=0.4) for thing in things])
    paint_backdrop(canvas, rng)
    for side in (-1, 1):
        paint_houses(canvas, street, houses[side], side, light)
        _paint_trees(canvas, rng, street, side, light)
        paint_border(canvas, street, draw_border(rng, street), side, light)
    for thing in sorted(things, key=lambda thing: -thing.z):
        thing.draw(canvas, light=_light_at(thing, street, sunny, light))
    _paint_hood(canvas, rng)
    return Scene(develop(canvas, light, pixels), canvas.label_ids, canvas.instance_ids)


def _draw_camera(rng: np.random.Generator, street: Street, size: tuple[int, int]) -> Camera:
    return Camera(
        size=size,
        focal=rng.uniform(0.95, 1.2),
        horizon=rng.uniform(0.40, 0.50),
        vanishing=rng.uniform(0.4, 0.6),
        x=street.lane_middle(int(rng.integers(street.lanes))) + rng.uniform(-0.4, 0.4),
        y=rng.uniform(1.2, 1.9),
        bend=rng.uniform(-0.0015, 0.0015) if rng.random() < 0.5 else 0.0,
    )


def _light_at(thing: Thing, street: Street, houses: Sequence[Piece], light: Light) -> float:
    x, z = np.array([thing.x], np.float32), np.array([thing.z], np.float32)
    return 0.3 + 0.7 * float(house_shadow(street, houses, light, x, z)[0])  # the sky still lights things in the shade


def _paint_trees(canvas: Canvas, rng: np.random.Generator, street: Street, side: int, light: Light) -> None:
    """Paint trees, in the gardens or along the curb."""
    inner, outer = street.sidewalk(side)
    garden = street.bands[side > 0][-1].label == TERRAIN
    x = (outer + street.front(side)) / 2 if garden else inner + 0.8
    z, pitch = rng.uniform(7, 20), rng.uniform(7, 26)
    while z < 90:
        crossed = street.crossing and street.crossing[0] - 1 < z < street.crossing[1] + 1
        if rng.random() < 0.7 and not crossed:
            paint_tree(canvas, rng, x=side * x, z=z, light=light.on_wall(side))
        z += pitch


def _paint_hood(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the hood of the ego vehicle along the lower edge, in a third of the pictures."""
    share, shine, here = rng.uniform(0.03, 0.10), rng.uniform(0.05, 0.35), rng.random() < 0.35
    height, width = canvas.camera.size
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None]
    mask = rows > 1 - share * (1 - 0.6 * columns**2)
    if here:
        color = tinted((shine, shine, shine), np.broadcast_to(0.5 + 6 * (1 - rows), mask.shape))
        canvas.put((slice(0, height), slice(0, width)), mask, color, 0.3, EGO_VEHICLE)
