"""What moves and stands in a street: where vehicles, people, posts and trees are."""

from dataclasses import dataclass
from math import pi

import numpy as np

from feedbackward.data.streets.camera import Camera
from feedbackward.data.streets.canvas import Canvas, Polygon
from feedbackward.data.streets.furniture import Part, draw_bin, draw_lamp_post, draw_sign, draw_traffic_light
from feedbackward.data.streets.people import (
    BICYCLE, MOTORCYCLE, PERSON, RIDER, draw_bicycle, draw_motorcycle, draw_person, draw_rider, stand,
)  # fmt: skip
from feedbackward.data.streets.solids import visible
from feedbackward.data.streets.street import Street
from feedbackward.data.streets.vehicles import CAR, Vehicle, draw_bus, draw_car, draw_truck

_HAS_INSTANCES = range(24, 34)
_NEAREST = 3.0


@dataclass(frozen=True)
class Thing:
    """An object in the street.

    Args:
        parts: Labels and world polygons, back first; one instance each where the class has instances.
        x: Where it stands, in metres to the right of the middle line.
        z: Its distance in metres.
        height: Its height in metres, which makes the length of its shadow.
        footprint: Half its extent across and its extent ahead, in metres.
    """

    parts: tuple[Part, ...]
    x: float
    z: float
    height: float
    footprint: tuple[float, float]

    def shadow(self, *, shift: float, opacity: float) -> list[Polygon]:
        """Its shadow on the ground, that reaches shift metres to the right."""
        half, ahead = self.footprint
        left, right = self.x - half + min(shift, 0), self.x + half + max(shift, 0)
        corners = [(left, 0, self.z), (right, 0, self.z), (right, 0, self.z + ahead), (left, 0, self.z + ahead)]
        return [Polygon(np.array(corners, np.float32), (0.03, 0.03, 0.04), opacity)]

    def draw(self, canvas: Canvas, *, light: float) -> None:
        """Draw it."""
        for label, polygons in self.parts:
            instance = canvas.new_instance(label) if label in _HAS_INSTANCES else None
            canvas.stamp(polygons, depth=self.z, label=label, instance=instance, light=light)


def _vehicle(camera: Camera, vehicle: Vehicle, *, x: float, z: float, heading: float) -> Thing:
    """A vehicle whose nearest end is at z, or its middle if it drives across."""
    turned = vehicle.length if heading == pi else 0.0
    polygons = visible(vehicle.faces, camera, x=x, z=z + turned, heading=heading)
    return Thing(((vehicle.label, polygons),), x, z, vehicle.height, (vehicle.width / 2, vehicle.length))


def _crosser(camera: Camera, vehicle: Vehicle, *, x: float, z: float, heading: float) -> Thing:
    """A vehicle on the cross street; x is where its back is."""
    polygons = visible(vehicle.faces, camera, x=x, z=z, heading=heading)
    middle = x + vehicle.length / 2 * (1 if heading > 0 else -1)
    return Thing(((vehicle.label, polygons),), middle, z - vehicle.width / 2, vehicle.height, (vehicle.length / 2, vehicle.width))


def _draw_vehicle(rng: np.random.Generator) -> Vehicle:
    kind = rng.random()
    return draw_truck(rng) if kind < 0.2 else draw_bus(rng) if kind < 0.4 else draw_car(rng)


def draw_traffic(rng: np.random.Generator, street: Street, camera: Camera) -> list[Thing]:
    """Draw what drives: ahead of the camera, towards it, and on the cross street."""
    things = []
    for number in range(-street.lanes, street.lanes):
        x = street.lane_middle(number)
        z = rng.uniform(6, 30) if abs(x - camera.x) < 1 else rng.uniform(_NEAREST, 25)
        while z < 90:
            vehicle = _draw_vehicle(rng)
            shift = rng.uniform(-0.3, 0.3)
            if rng.random() < 0.55:
                things.append(_vehicle(camera, vehicle, x=x + shift, z=z, heading=0.0 if number >= 0 else pi))
            z += vehicle.length + rng.uniform(6, 30)
    if street.crossing and rng.random() < 0.55:
        vehicle, heading = _draw_vehicle(rng), pi / 2 * rng.choice((-1, 1))
        middle = sum(street.crossing) / 2 - np.sign(heading) * 1.8
        things.append(_crosser(camera, vehicle, x=rng.uniform(-9, 9), z=middle, heading=heading))
    return things


def draw_parked(rng: np.random.Generator, street: Street, camera: Camera) -> list[Thing]:
    """Draw the cars at the kerbs."""
    things = []
    for side in (-1, 1):
        z, busy = rng.uniform(_NEAREST, 9), rng.uniform(0.2, 0.9)
        while z < 80:
            vehicle = draw_car(rng)
            free = rng.random() > busy
            x = side * (street.half - vehicle.width / 2 - rng.uniform(0.1, 0.35))
            crossed = street.crossing and street.crossing[0] - 9 < z < street.crossing[1] + 1
            if street.parking and not free and not crossed:
                things.append(_vehicle(camera, vehicle, x=x, z=z, heading=0.0 if side > 0 else pi))
            z += vehicle.length + rng.uniform(0.7, 2.5)
    return things
