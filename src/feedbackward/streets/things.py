"""The objects of a street: where vehicles, people and posts are."""

from dataclasses import dataclass
from math import pi

import numpy as np

from feedbackward.streets.camera import Camera
from feedbackward.streets.canvas import Canvas, Polygon
from feedbackward.streets.cycles import draw_bicycle, draw_motorcycle, draw_rider
from feedbackward.streets.furniture import Part, draw_bin, draw_lamp_post, draw_sign, draw_traffic_light
from feedbackward.streets.labels import BICYCLE, MOTORCYCLE, PERSON, RIDER, WITH_INSTANCES
from feedbackward.streets.people import draw_person
from feedbackward.streets.polygons import flat, stand
from feedbackward.streets.solids import visible
from feedbackward.streets.street import Street
from feedbackward.streets.vehicles import Vehicle, draw_bus, draw_car, draw_truck

_NEAREST = 3.0


@dataclass(frozen=True)
class Thing:
    """An object in the street.

    Args:
        parts: Labels and world polygons, farthest first; each part is an instance if its class has instances.
        x: Position in meters to the right of the center line.
        z: Distance in meters.
        height: Height in meters, which determines the length of its shadow.
        footprint: Half its width and its full length, in meters.
    """

    parts: tuple[Part, ...]
    x: float
    z: float
    height: float
    footprint: tuple[float, float]

    def shadow(self, *, shift: float, opacity: float) -> Polygon:
        """Its shadow on the ground, which extends `shift` meters to the right."""
        half, ahead = self.footprint
        left, right = self.x - half + min(shift, 0), self.x + half + max(shift, 0)
        corners = [(left, 0, self.z), (right, 0, self.z), (right, 0, self.z + ahead), (left, 0, self.z + ahead)]
        return flat(corners, (0.03, 0.03, 0.04), opacity)

    def draw(self, canvas: Canvas, *, light: float) -> None:
        """Draw it."""
        for label, polygons in self.parts:
            instance = canvas.new_instance(label) if label in WITH_INSTANCES else None
            canvas.stamp(polygons, depth=self.z, label=label, instance=instance, light=light)


def _vehicle(camera: Camera, vehicle: Vehicle, *, x: float, z: float, heading: float) -> Thing:
    """A vehicle that drives along the street; z is its nearer end."""
    turned = vehicle.length if heading == pi else 0.0
    polygons = visible(vehicle.faces, camera, x=x, z=z + turned, heading=heading)
    return Thing(((vehicle.label, polygons),), x, z, vehicle.height, (vehicle.width / 2, vehicle.length))


def _crosser(camera: Camera, vehicle: Vehicle, *, x: float, z: float, heading: float) -> Thing:
    """A vehicle on the cross street; x is its back, z its center line."""
    polygons = visible(vehicle.faces, camera, x=x, z=z, heading=heading)
    middle = x + vehicle.length / 2 * (1 if heading > 0 else -1)
    return Thing(
        ((vehicle.label, polygons),), middle, z - vehicle.width / 2, vehicle.height, (vehicle.length / 2, vehicle.width)
    )


def _draw_vehicle(rng: np.random.Generator) -> Vehicle:
    kind = rng.random()
    return draw_truck(rng) if kind < 0.18 else draw_bus(rng) if kind < 0.36 else draw_car(rng)


def draw_traffic(rng: np.random.Generator, street: Street, camera: Camera) -> list[Thing]:
    """Draw traffic ahead of the camera, toward it, and on the cross street."""
    things = []
    for number in range(-street.lanes, street.lanes):
        x = street.lane_middle(number)
        z = rng.uniform(6, 24) if abs(x - camera.x) < 1 else rng.uniform(_NEAREST, 25)
        while z < 60:
            if rng.random() < 0.55:
                heading, shift = 0.0 if number >= 0 else pi, rng.uniform(-0.3, 0.3)
                things.append(_vehicle(camera, _draw_vehicle(rng), x=x + shift, z=z, heading=heading))
            z += rng.uniform(16, 40)
    if street.crossing and rng.random() < 0.55:
        vehicle, heading = _draw_vehicle(rng), pi / 2 * int(rng.choice((-1, 1)))
        middle = sum(street.crossing) / 2 - 1.8 * (1 if heading > 0 else -1)
        things.append(_crosser(camera, vehicle, x=rng.uniform(-9, 9), z=middle, heading=heading))
    return things


def draw_parked(rng: np.random.Generator, street: Street, camera: Camera) -> list[Thing]:
    """Draw the cars parked at the curbs."""
    things = []
    for side in (-1, 1):
        z, busy = rng.uniform(_NEAREST, 9), rng.uniform(0.1, 0.8)
        while z < 60:
            crossed = street.crossing and street.crossing[0] - 9 < z < street.crossing[1] + 1
            if street.parking and not crossed and rng.random() < busy:
                vehicle = draw_car(rng)
                x = side * (street.half - vehicle.width / 2 - rng.uniform(0.1, 0.35))
                things.append(_vehicle(camera, vehicle, x=x, z=z, heading=0.0 if side > 0 else pi))
            z += rng.uniform(5.6, 7.0)
    return things


def draw_people(rng: np.random.Generator, street: Street) -> list[Thing]:
    """Draw pedestrians on the sidewalks and crossing the road."""
    things = []
    for side in (-1, 1):
        inner, outer = street.sidewalk(side)
        for _ in range(rng.integers(1, 6)):
            x, z = side * rng.uniform(inner + 0.3, outer - 0.3), rng.uniform(4, 16)
            things.append(_person(rng, x, z))
            if rng.random() < 0.35:
                things.append(_person(rng, x + 0.6, z + rng.uniform(-0.3, 0.6)))
    for _ in range(rng.choice(3, p=(0.5, 0.3, 0.2))):
        z = street.crossing[0] - rng.uniform(1.5, 4) if street.crossing else rng.uniform(7, 18)
        things.append(_person(rng, rng.uniform(-street.half, street.half), z))
    return things


def _person(rng: np.random.Generator, x: float, z: float) -> Thing:
    figure = stand(draw_person(rng), x=x, z=z, mirrored=bool(rng.random() < 0.5))
    return Thing(((PERSON, figure),), x, z, 1.7, (0.25, 0.35))


def draw_cyclists(rng: np.random.Generator, street: Street) -> list[Thing]:
    """Draw bicycles and motorcycles, with riders on the road and without them on the sidewalk."""
    things = []
    edge = street.lanes * street.lane
    for _ in range(rng.choice(4, p=(0.1, 0.4, 0.3, 0.2))):
        across, side = bool(rng.random() < 0.6), int(rng.choice((-1, 1)))
        x = rng.uniform(-edge, edge) if across else side * (edge - rng.uniform(0.3, 1.2))
        things.append(_cyclist(rng, x, rng.uniform(4.5, 13), across=across, ridden=True))
    for _ in range(rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))):
        side = int(rng.choice((-1, 1)))
        inner, outer = street.sidewalk(side)
        x = side * rng.uniform(inner + 0.5, outer)
        things.append(_cyclist(rng, x, rng.uniform(4.5, 12), across=bool(rng.random() < 0.8), ridden=False))
    return things


def _cyclist(rng: np.random.Generator, x: float, z: float, *, across: bool, ridden: bool) -> Thing:
    motorcycle, mirrored = bool(rng.random() < 0.45), bool(rng.random() < 0.5)
    label, draw = (MOTORCYCLE, draw_motorcycle) if motorcycle else (BICYCLE, draw_bicycle)
    figures: list[Part] = [(label, draw(rng, across=across))]
    if ridden:
        figures.append((RIDER, draw_rider(rng, across=across, motorcycle=motorcycle)))
    parts = tuple((part, stand(figure, x=x, z=z, mirrored=mirrored)) for part, figure in figures)
    return Thing(parts, x, z, 1.5, (0.8, 0.4) if across else (0.25, 1.6))


def draw_furniture(rng: np.random.Generator, street: Street) -> list[Thing]:
    """Draw lamp posts, signs, traffic lights and bins along the curbs."""
    things = []
    for side in (-1, 1):
        curb = side * (street.half + 0.45)
        z, pitch = rng.uniform(5, 16), rng.uniform(13, 24)
        while z < 45:
            things.append(_furniture(draw_lamp_post(rng, side=side), curb + side * rng.uniform(0, 0.4), z, 7))
            z += pitch
        for _ in range(rng.integers(0, 4)):
            things.append(_furniture(draw_sign(rng), curb, rng.uniform(6, 22), 2.5))
        if rng.random() < 0.6 or street.crossing:
            z = street.crossing[0] - 0.8 if street.crossing else rng.uniform(9, 24)
            things.append(_furniture(draw_traffic_light(rng, side=side), curb, z, 3))
        if rng.random() < 0.4:
            things.append(_furniture(draw_bin(rng), side * (street.half + 1.0), rng.uniform(6, 24), 1))
    return things


def _furniture(parts: list[Part], x: float, z: float, height: float) -> Thing:
    moved = tuple((label, stand(polygons, x=x, z=z)) for label, polygons in parts)
    return Thing(moved, x, z, height, (0.12, 0.25))
