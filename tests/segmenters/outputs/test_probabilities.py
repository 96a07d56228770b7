import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import OUTPUTS
from feedbackward.segmenters.result import Result

TABLE = ClassTable(("crack", "background"), ((200, 0, 0), (0, 0, 0)))
CRACK = np.array([[0, 0.2, 0.5, 1]], np.float32)
PROBABILITIES = np.stack([CRACK, 1 - CRACK])
RESULT = Result(np.zeros((1, 4, 3), np.uint8), PROBABILITIES.argmax(0).astype(np.uint8), TABLE, PROBABILITIES)


def gray(file):
    with Image.open(file) as image:
        assert image.mode == "L"
        return np.array(image).tolist()


def test_arrays(written):
    with np.load(written("probabilities", RESULT)) as data:
        np.testing.assert_array_equal(data["probabilities"], PROBABILITIES)
        assert data["probabilities"].dtype == np.float32
        assert data["classes"].tolist() == ["crack", "background"]


def test_the_foreground_is_the_class_that_is_not_the_background(written):
    assert gray(written("foreground", RESULT)) == [[0, 51, 128, 255]]
    assert gray(written("foreground", RESULT, background="crack")) == [[255, 204, 128, 0]]


def test_confidence(written):
    assert gray(written("confidence", RESULT)) == [[255, 204, 128, 255]]


def test_networks_without_a_foreground(written):
    zeros = np.zeros((1, 1), np.uint8)
    plain = Result(zeros[..., None], zeros, ClassTable(("a", "b"), ((0, 0, 0),) * 2))
    with pytest.raises(InputError, match="neither a nor b is known to be the background"):
        written("foreground", plain)
    with pytest.raises(InputError, match="for networks of two classes, but this one has 3"):
        written("foreground", Result(zeros[..., None], zeros, ClassTable(("a", "b", "c"), ((0, 0, 0),) * 3)))


def test_which_kinds_need_probabilities(written):
    without = Result(RESULT.image, RESULT.mask, TABLE)
    for kind, output in OUTPUTS.items():
        if kind == "submission":
            continue
        if output.needs_probabilities:
            with pytest.raises(InputError, match="were not computed"):
                written(kind, without)
        else:
            written(kind, without)
