"""Pictures of masks whose classes overlap, pixel by pixel."""

import numpy as np

from feedbackward.classes import ClassTable
from feedbackward.viz.layers import layer_errors, paint_layers, present_layers
from feedbackward.viz.pictures import RIGHT, UNCOUNTED, WRONG

TABLE = ClassTable(("a", "b", "c"), ((200, 0, 0), (0, 100, 0), (0, 0, 50)), overlapping=True)
MASK = np.array([[0, 1, 1, 255, 255], [0, 0, 1, 1, 255], [0, 0, 0, 255, 255]])[:, None]


def test_the_color_is_the_mean_of_the_classes():
    expected = [(255, 255, 255), (200, 0, 0), (100, 50, 0), (0, 100, 0), (0, 0, 0)]
    assert paint_layers(MASK, TABLE)[0].tolist() == [list(color) for color in expected]


def test_a_pixel_is_wrong_where_any_class_is():
    prediction = np.array([[0, 1, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 0, 1, 1]])[:, None]
    expected = [RIGHT, WRONG, RIGHT, RIGHT, UNCOUNTED]
    assert layer_errors(prediction, MASK, TABLE)[0].tolist() == [list(color) for color in expected]


def test_the_classes_that_occur():
    assert present_layers(MASK) == [0, 1]
