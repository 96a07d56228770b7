"""The geometry of scenes, compared with values computed by hand."""

from math import pi

import numpy as np
import pytest

from feedbackward.streets.camera import Camera
from feedbackward.streets.canvas import Canvas
from feedbackward.streets.polygons import flat, stand, upright
from feedbackward.streets.solids import extrude, visible
from feedbackward.streets.textures import hashed, noise, stripes

GRAY = (0.5, 0.5, 0.5)


def camera(*, bend: float = 0.0, x: float = 0.0) -> Camera:
    return Camera(size=(100, 200), focal=1.0, horizon=0.4, vanishing=0.5, x=x, y=1.5, bend=bend)


def test_projection_by_hand() -> None:
    """At 10 m a meter is 20 pixels; the vanishing point is at column 100, row 40."""
    points = np.array([[0, 1.5, 10], [2, 0, 10], [-1, 3.5, 20]], np.float32)
    np.testing.assert_allclose(camera().project(points), [[100, 40], [140, 70], [90, 20]], rtol=1e-6)


@pytest.mark.parametrize("bend", [0.0, 0.002, -0.002])
def test_ground_and_projection_are_inverse(bend: float) -> None:
    view = camera(bend=bend, x=1.2)
    x, z = view.ground()
    row, column = 50, 30
    point = np.array([[x[row, column], 0, z[row, 0]]], np.float32)
    np.testing.assert_allclose(view.project(point), [[column + 0.5, view.ground_row + row + 0.5]], atol=1e-3)


@pytest.mark.parametrize("bend", [0.0, 0.001, -0.001])
@pytest.mark.parametrize("side", [-6.0, 6.0])
def test_side_walls_and_projection_are_inverse(bend: float, side: float) -> None:
    view = camera(bend=bend, x=1.2)
    z = view.side_wall(side)
    met = np.flatnonzero(np.isfinite(z) & (z > 1))
    assert met.size > 50
    points = np.stack([np.full(met.size, side), np.zeros(met.size), z[met]], axis=1).astype(np.float32)
    np.testing.assert_allclose(view.project(points)[:, 0], met + 0.5, atol=1e-2)


def test_heights_and_projection_are_inverse() -> None:
    view = camera()
    y = view.heights(np.array([10.0], np.float32), slice(20, 30))
    point = np.array([[0, y[3, 0], 10]], np.float32)
    np.testing.assert_allclose(view.project(point)[0, 1], 23.5, rtol=1e-5)


def test_the_nearer_object_hides_the_other_whichever_is_drawn_first() -> None:
    for order in ((0, 1), (1, 0)):
        canvas = Canvas(camera())
        objects = (
            (stand([upright(-1, 1, 0, 2, 0, GRAY)], x=0, z=10), 10.0, 24),
            (stand([upright(-3, 3, 0, 4, 0, GRAY)], x=0, z=20), 20.0, 11),
        )
        for polygons, depth, label in (objects[i] for i in order):
            canvas.stamp(polygons, depth=depth, label=label)
        assert canvas.label_ids[50, 100] == 24
        assert canvas.label_ids[20, 100] == 11
        assert canvas.depth[50, 100] == 10


def test_an_object_covers_the_pixels_of_its_outline() -> None:
    canvas = Canvas(camera())
    canvas.stamp(stand([upright(-1, 1, 0, 2, 0, GRAY)], x=0, z=10), depth=10, label=24, instance=24007)
    expected = np.zeros((100, 200), bool)
    expected[30:70, 80:120] = True
    found = canvas.instance_ids == 24007
    assert np.count_nonzero(found != expected) <= 2 * (40 + 40), "within a pixel of the outline"
    np.testing.assert_array_equal(found, canvas.label_ids == 24)


def test_shade_darkens_and_changes_no_label() -> None:
    canvas = Canvas(camera())
    canvas.image[:] = 0.8
    canvas.shade([flat([(-1, 0, 8), (1, 0, 8), (1, 0, 12), (-1, 0, 12)], (0.0, 0.0, 0.0), 0.5)])
    np.testing.assert_allclose(canvas.image[:, 71, 100], 0.4, atol=0.01)
    assert canvas.image[:, 20, 100] == pytest.approx(0.8)
    assert not canvas.label_ids.any()


def test_instances_are_numbered_by_class() -> None:
    canvas = Canvas(camera())
    assert [canvas.new_instance(label) for label in (26, 26, 24, 26)] == [26000, 26001, 24000, 26002]


@pytest.mark.parametrize(
    ("x", "heading", "seen"),
    [(0, 0.0, {"back"}), (4, 0.0, {"back", "left"}), (-4, 0.0, {"back", "right"}), (4, pi, {"front", "right"})],
)
def test_the_visible_faces_of_a_box(x: float, heading: float, seen: set[str]) -> None:
    names = {0.1: "back", 0.2: "top", 0.3: "front", 0.4: "side"}
    faces = extrude(
        [(0, 0), (0, 2), (4, 2), (4, 0)], [1] * 4, [(v, 0, 0) for v in (0.1, 0.2, 0.3)], (0.4, 0, 0),
    )  # fmt: skip
    polygons = visible(faces, camera(), x=x, z=14 if heading else 10, heading=heading)
    found = set()
    for polygon in polygons:
        name = names[polygon.color[0]]
        if name == "side":  # the left side is left of the body's center, and turns with the body
            name = "left" if (polygon.points[:, 0].mean() < x) != (heading == pi) else "right"
        found.add(name)
        assert polygon.points[:, 2].min() == pytest.approx(10, abs=1e-4) or name == "front" or heading == 0
    assert found == seen


def test_textures() -> None:
    u = np.linspace(0, 40, 400, dtype=np.float32)[None]
    values = noise(u, u.T)
    assert abs(float(values.mean())) < 0.2
    assert 0.7 < float(values.std()) < 1.3
    np.testing.assert_array_equal(stripes(np.array([0.1, 0.6, 1.1, -0.9]), pitch=1, width=0.5), [1, 0, 1, 1])
    i = np.arange(-50, 50, dtype=np.int32)
    chances = hashed(i[None], i[:, None], salt=3)
    assert 0 <= chances.min() < 0.01 < 0.99 < chances.max() < 1
    assert abs(float(chances.mean()) - 0.5) < 0.02
