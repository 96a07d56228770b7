import sys

import numpy as np
import pytest
import shapely

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.polygons import find_polygons

TABLE = ClassTable(("background", "crack", "stain"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)))


def disk(size, radius):
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.hypot(x, y) < radius


def test_a_polygon_with_a_hole_by_hand():
    mask = np.array([[1, 1, 1, 0], [1, 255, 1, 2], [1, 1, 1, 2]], np.uint8)
    crack, stain = find_polygons(mask, TABLE, background=0)
    assert (crack.name, crack.index, crack.area) == ("crack", 1, 8)
    assert crack.exterior.tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert [hole.tolist() for hole in crack.holes] == [[[1, 1], [1, 2], [2, 2], [2, 1]]]
    assert (stain.name, stain.area, stain.holes) == ("stain", 2, ())
    assert [polygon.name for polygon in find_polygons(mask, TABLE)] == ["crack", "background", "stain"]


def test_pixels_that_touch_at_a_corner_are_two_polygons():
    assert len(find_polygons(np.array([[1, 0], [0, 1]]), TABLE, background=0)) == 2


def test_simplified_neighbors_keep_their_common_border():
    mask = np.zeros((60, 60), np.uint8)
    mask[disk(60, 25)] = 1
    mask[:, 30:][disk(60, 25)[:, 30:]] = 2
    mask[disk(60, 5)] = 255
    exact = find_polygons(mask, TABLE)
    simple = find_polygons(mask, TABLE, tolerance=2)
    assert [polygon.name for polygon in simple] == [polygon.name for polygon in exact]
    assert [polygon.area for polygon in simple] == [polygon.area for polygon in exact]
    shapes = [shapely.Polygon(polygon.exterior, polygon.holes) for polygon in simple]
    assert all(shapely.is_valid(shapes))
    assert all(shape.exterior.is_ccw for shape in shapes)
    assert sum(len(polygon.exterior) for polygon in simple) < sum(len(polygon.exterior) for polygon in exact) / 3
    for shape, polygon in zip(shapes, exact, strict=True):
        assert shape.symmetric_difference(shapely.Polygon(polygon.exterior, polygon.holes)).area < 100
    middle = shapely.Point(30, 30).buffer(8)
    covered = shapely.union_all(shapes).union(middle)
    assert covered.area == pytest.approx(3600)  # no gaps
    assert sum(shape.area for shape in shapes) == pytest.approx(shapely.union_all(shapes).area)  # nothing twice


def test_a_tolerance_needs_shapely(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(InputError, match=r"pip install 'feedbackward\[polygons\]'"):
        find_polygons(np.array([[1, 0]]), TABLE, tolerance=1)
    with pytest.raises(InputError, match="the tolerance of polygons is -1"):
        find_polygons(np.array([[1, 0]]), TABLE, tolerance=-1)
