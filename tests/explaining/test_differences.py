"""Which class became which, counted by hand."""

import numpy as np
import pytest

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.explaining import disagreement

FIRST = ClassTable(("road", "sky", "car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))
SECOND = ClassTable(("car", "road", "tree"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))


def test_classes_are_compared_by_their_names() -> None:
    first = np.array([[0, 0, 0, 1], [1, 2, 2, 0]])
    second = np.array([[1, 1, 0, 2], [2, 0, 1, 0]])
    found = disagreement(first, second, FIRST, SECOND)
    assert found.pixels.tolist() == [[False, False, True, True], [True, False, True, True]]
    assert found.share == 5 / 8
    assert sorted(found.changes) == [("car", "road", 1 / 8), ("road", "car", 2 / 8), ("sky", "tree", 2 / 8)]
    shares = [share for _, _, share in found.changes]
    assert shares == sorted(shares, reverse=True)


def test_equal_predictions_agree() -> None:
    mask = np.array([[0, 1, 2]])
    found = disagreement(mask, mask, FIRST, FIRST)
    assert (found.share, found.changes) == (0, ())


def test_without_a_common_class() -> None:
    other = ClassTable(("leaf",), ((0, 9, 0),))
    with pytest.raises(InputError, match=r"have no class in common \(road, sky, car; leaf\)"):
        disagreement(np.zeros((1, 1), int), np.zeros((1, 1), int), FIRST, other)
