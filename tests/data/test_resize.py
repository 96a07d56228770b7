from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from feedbackward.data.resize import resize_mask


@pytest.fixture
def mask():
    return np.random.default_rng(0).integers(0, 200, (9, 15), dtype=np.uint8)


@pytest.mark.parametrize("size", [(3, 5), (1, 3), (9, 15), (27, 45)])
def test_centers_within_pixels_as_nearest_exact(mask, size):
    expected = F.interpolate(torch.from_numpy(mask)[None, None].float(), size=size, mode="nearest-exact")[0, 0]
    np.testing.assert_array_equal(resize_mask(mask, size), expected)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_of_four_pixels_the_most_frequent_value_counts(values):
    counts = Counter(values)
    expected = min(counts, key=lambda value: (-counts[value], value))
    assert resize_mask(np.array(values).reshape(2, 2), (1, 1)) == expected


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_a_mirrored_mask_gives_a_mirrored_result(height, width, new_height, new_width):
    mask = np.random.default_rng(0).integers(0, 4, (height, width), dtype=np.uint8)
    found = resize_mask(mask, (new_height, new_width))
    assert found.shape == (new_height, new_width)
    for axis in (0, 1):
        np.testing.assert_array_equal(resize_mask(np.flip(mask, axis), found.shape), np.flip(found, axis))


def test_the_type_is_kept():
    assert resize_mask(np.full((4, 4), 300, np.uint16), (2, 2)).dtype == np.uint16
