"""Checked with flood fill, matplotlib's point-in-polygon test and Shapely's validity."""

from collections import defaultdict

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib.path import Path

from feedbackward.segmenters.regions import connected_regions, outlines

MASKS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 2))


def flooded(mask):
    """The numbers of the regions, found by flood fill."""
    numbers = np.full(mask.shape, -1)
    count = 0
    for start in np.ndindex(mask.shape):
        if numbers[start] >= 0:
            continue
        stack = [start]
        while stack:
            y, x = stack.pop()
            inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
            if inside and numbers[y, x] < 0 and mask[y, x] == mask[start]:
                numbers[y, x] = count
                stack += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        count += 1
    return numbers


def rings_of(regions, **options):
    rings = defaultdict(list)
    for number, ring in outlines(regions, **options):
        rings[number].append(ring)
    return rings


@settings(deadline=None)
@given(MASKS)
def test_regions_are_those_of_a_flood_fill(mask):
    np.testing.assert_array_equal(connected_regions(mask), flooded(mask))


@pytest.mark.parametrize("turns", [1, 40])
def test_a_region_may_wind(turns):
    snake = np.zeros((4 * turns + 1, 9), np.uint8)
    snake[::2] = 1
    snake[1::4, -1] = snake[3::4, 0] = 1
    np.testing.assert_array_equal(connected_regions(snake), flooded(snake))


@settings(deadline=None)
@given(MASKS)
def test_filled_outlines_are_the_regions(mask):
    regions = connected_regions(mask)
    height, width = mask.shape
    centers = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1).reshape(-1, 2)
    for number, (exterior, *holes) in rings_of(regions).items():
        inside = Path(np.vstack([exterior, exterior[:1]])).contains_points(centers)
        for hole in holes:
            inside &= ~Path(np.vstack([hole, hole[:1]])).contains_points(centers)
        np.testing.assert_array_equal(inside.reshape(mask.shape), regions == number)


@settings(deadline=None)
@given(MASKS)
def test_outlines_are_valid_and_turn_the_right_way(mask):
    regions = connected_regions(mask)
    for number, (exterior, *holes) in rings_of(regions).items():
        polygon = shapely.Polygon(exterior, holes)
        assert shapely.is_valid(polygon), shapely.is_valid_reason(polygon)
        assert polygon.area == (regions == number).sum()
        assert polygon.exterior.is_ccw  # where y points up
        assert not any(ring.is_ccw for ring in polygon.interiors)
        assert exterior[:, 1].min() == exterior[0, 1]


@settings(deadline=None)
@given(MASKS)
def test_corners_are_where_the_direction_changes(mask):
    regions = connected_regions(mask)
    every = rings_of(regions, corners_only=False)
    for number, rings in rings_of(regions).items():
        for corners, ring in zip(rings, every[number], strict=True):
            before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
            assert (np.abs(after).sum(axis=1) == 1).all()
            np.testing.assert_array_equal(corners, ring[(before != after).any(axis=1)])
