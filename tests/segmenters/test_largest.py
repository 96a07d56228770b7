"""The largest class of each pixel, against NumPy's argmax."""

import numpy as np
import pytest
import torch

from feedbackward.segmenters.largest import largest_class


@pytest.mark.parametrize("classes", [1, 2, 11, 254, 255, 300])
@pytest.mark.parametrize("kind", ["array", "tensor", "channels last", "half precision"])
def test_it_is_argmax_also_where_several_are_largest(classes, kind):
    scores = np.random.default_rng(classes).integers(0, 40, (2, classes, 5, 7)).astype(np.float32)
    expected = scores.argmax(1)
    if kind != "array":
        scores = torch.from_numpy(scores)
    if kind == "channels last":
        scores = scores.to(memory_format=torch.channels_last)
    if kind == "half precision":
        scores = scores.half()
    found = largest_class(scores)
    assert found.dtype == (np.uint8 if classes <= 254 else np.uint16)
    np.testing.assert_array_equal(found, expected)


def test_infinite_scores():
    scores = np.array([[-np.inf, -np.inf, np.inf], [-np.inf, 0, np.inf]], np.float32).reshape(1, 2, 1, 3)
    np.testing.assert_array_equal(largest_class(scores), scores.argmax(1))


def test_the_scores_are_not_changed():
    scores = np.random.default_rng(0).standard_normal((1, 3, 4, 4), np.float32)
    before = scores.copy()
    largest_class(scores)
    np.testing.assert_array_equal(scores, before)
