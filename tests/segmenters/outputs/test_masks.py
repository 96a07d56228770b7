import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.result import Result

TABLE = ClassTable(("red", "green"), ((200, 0, 0), (0, 200, 0)))
MASK = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)
IMAGE = np.zeros((2, 3, 3), np.uint8)


MANY = ClassTable(names=tuple(map(str, range(300))), colors=((9, 9, 9),) * 300, ignore_index=65535, void_value=65535)


def test_masks_are_plain_label_images(written):
    with Image.open(written("masks", Result(IMAGE, MASK, TABLE))) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.array(image), MASK)


@pytest.mark.parametrize("kind", ["masks", "palette"])
def test_the_values_are_those_of_the_data_set(written, kind):
    white = ClassTable(TABLE.names, TABLE.colors, values=(0, 255), void_value=7)
    with Image.open(written(kind, Result(IMAGE, MASK, white))) as image:
        assert np.array(image).tolist() == [[0, 255, 7], [255, 0, 0]]
        if kind == "palette":
            assert image.convert("RGB").getpixel((1, 0)) == (0, 200, 0)


def test_masks_of_many_rows(written):
    mask = np.random.default_rng(0).integers(0, 2, (150, 5), np.uint8)
    swapped = ClassTable(TABLE.names, TABLE.colors, values=(1, 0))
    with Image.open(written("masks", Result(np.zeros((150, 5, 3), np.uint8), mask, swapped))) as image:
        np.testing.assert_array_equal(np.array(image), 1 - mask)


def test_more_than_256_values_have_16_bits(written):
    mask = np.array([[0, 299, 65535]], np.uint16)
    with Image.open(written("masks", Result(IMAGE[:1], mask, MANY))) as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(np.array(image), mask)


def test_a_palette_has_the_values_and_shows_the_colors(written):
    file = written("palette", Result(IMAGE, MASK, TABLE))
    assert file.getvalue()[24] == 8  # bits per pixel
    with Image.open(file) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.array(image), MASK)
        colors = np.array(image.convert("RGB"))
    assert colors[0].tolist() == [[200, 0, 0], [0, 200, 0], [0, 0, 0]]


def test_a_palette_has_8_bits(written):
    with pytest.raises(InputError, match="the classes have values up to 65535, but a palette PNG has 8 bits"):
        written("palette", Result(IMAGE, MASK, MANY))
