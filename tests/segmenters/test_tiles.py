from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedbackward.errors import InputError
from feedbackward.segmenters.tiles import Tiles, divide


@given(
    length=st.integers(1, 3000),
    tile=st.integers(1, 700),
    overlap=st.integers(0, 300),
    smallest=st.integers(1, 100),
)
def test_tiles_cover_an_axis_with_weights_that_sum_to_1(length, tile, overlap, smallest):
    smallest = min(smallest, tile)
    spans = divide(length, tile, overlap=overlap, smallest=smallest)
    total = np.zeros(length)
    for span in spans:
        total[span.start : span.stop] += span.weights
        assert min(smallest, length) <= span.stop - span.start <= tile
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    for left, right in pairwise(spans):
        assert left.stop - right.start >= min(overlap, tile // 2)


@given(length=st.integers(1, 3000), tile=st.integers(128, 700), overlap=st.integers(0, 64))
def test_tiles_start_on_the_grid_of_every_stride(length, tile, overlap):
    assert all(span.start % 64 == 0 for span in divide(length, tile, overlap=overlap))


@given(length=st.integers(1, 3000), tile=st.integers(2, 700), overlap=st.integers(0, 300))
def test_tiles_of_one_length(length, tile, overlap):
    spans = divide(length, tile, overlap=overlap, smallest=tile)
    assert {span.stop - span.start for span in spans} == {min(tile, length)}


def test_the_border_of_the_image_keeps_its_full_weight():
    first, *_, last = divide(1000, 256, overlap=64)
    assert (first.weights[0], last.weights[-1]) == (1, 1)
    assert first.weights[-1] == last.weights[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (64, 512)}, "tiles of 64x512 are too small; expected height and width of 128 or more"),
        ({"size": (256, 512), "overlap": 129}, "cannot overlap by 129 pixels; expected 0 to 128"),
        ({"overlap": -1}, "cannot overlap by -1 pixels"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        Tiles(**options)
