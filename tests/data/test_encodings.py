import numpy as np
import pytest

from feedbackward.data.encodings import ColorEncoding, IndexEncoding
from feedbackward.errors import InputError


def test_values_become_class_indices(tmp_path, write):
    encoding = IndexEncoding({7: 0, 200: 1, 0: 255}, hint="")
    path = write(tmp_path / "mask.png", np.array([[7, 200, 0], [0, 7, 7]], np.uint8))
    indices = encoding.read(path)
    assert indices.dtype == np.uint8
    np.testing.assert_array_equal(indices, [[0, 1, 255], [255, 0, 0]])


def test_values_outside_the_table_are_named_with_file_and_number(tmp_path, write):
    encoding = IndexEncoding({0: 0, 1: 1, 2: 2, 255: 255}, hint="Look into classes.yaml")
    path = write(tmp_path / "mask.png", np.array([[0, 1, 9], [9, 77, 255]], np.uint8))
    expected = r"mask\.png: values 9, 77 at 3 pixels, outside .*; expected 0 to 2, 255\. Look into classes"
    with pytest.raises(InputError, match=expected):
        encoding.read(path)


def test_black_and_white_masks_are_told_apart(tmp_path, write):
    encoding = IndexEncoding({0: 0, 1: 1}, hint="")
    with pytest.raises(InputError, match=r"value 255 at 1 pixels.*only values are 0 and 255: a black-and-white"):
        encoding.read(write(tmp_path / "mask.png", np.array([[0, 255]], np.uint8)))
    with pytest.raises(InputError) as caught:
        encoding.read(write(tmp_path / "mask.png", np.array([[0, 1, 255]], np.uint8)))
    assert "black-and-white" not in str(caught.value)


def test_colors_become_class_indices(tmp_path, write):
    encoding = ColorEncoding([(128, 64, 128), (0, 0, 142)], void=(0, 0, 0), hint="")
    colors = np.array([[[0, 0, 142], [128, 64, 128], [0, 0, 0]]], np.uint8)
    np.testing.assert_array_equal(encoding.read(write(tmp_path / "mask.png", colors)), [[1, 0, 255]])


def test_colors_outside_the_table_are_named_with_file_and_number(tmp_path, write):
    encoding = ColorEncoding([(128, 64, 128)], void=None, hint="Look into classes.yaml")
    colors = np.array([[[128, 64, 128], [128, 64, 127], [128, 64, 127], [0, 0, 0]]], np.uint8)
    expected = r"mask\.png: colors \(0, 0, 0\), \(128, 64, 127\) at 3 pixels, .*nearest neighbor\. Look into classes"
    with pytest.raises(InputError, match=expected):
        encoding.read(write(tmp_path / "mask.png", colors))


def test_of_many_strange_values_the_first_are_named(tmp_path, write):
    encoding = IndexEncoding({0: 0}, hint="")
    with pytest.raises(InputError, match=r"values 1, 2, 3, 4, 5 and 4 more at 9 pixels"):
        encoding.read(write(tmp_path / "mask.png", np.arange(10, dtype=np.uint8)[None]))
