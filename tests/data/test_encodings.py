from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from feedbackward.data.encodings import ColorEncoding, IndexEncoding, pack, unpack
from feedbackward.errors import InputError


def test_values_become_class_indices(tmp_path, write):
    encoding = IndexEncoding({7: 0, 200: 1}, ignored=[0], hint="")
    path = write(tmp_path / "mask.png", np.array([[7, 200, 0], [0, 7, 7]], np.uint8))
    indices = encoding.read(path)
    assert indices.dtype == np.uint8
    np.testing.assert_array_equal(indices, [[0, 1, 255], [255, 0, 0]])


def test_values_outside_the_table_are_reported_with_file_and_count(tmp_path, write):
    encoding = IndexEncoding({0: 0, 1: 1, 2: 2}, ignored=[255], hint="Look into classes.yaml")
    path = write(tmp_path / "mask.png", np.array([[0, 1, 9], [9, 77, 255]], np.uint8))
    expected = r"mask\.png: values 9, 77 \(3 of \d+ pixels\) outside .*; expected 0 to 2, 255\. Look into classes"
    with pytest.raises(InputError, match=expected):
        encoding.read(path)


def test_black_and_white_masks_are_recognized(tmp_path, write):
    encoding = IndexEncoding({0: 0, 1: 1}, hint="")
    with pytest.raises(InputError, match=r"value 255 \(1 of \d+ pixels\).*only values are 0 and 255: a black-and"):
        encoding.read(write(tmp_path / "mask.png", np.array([[0, 255]], np.uint8)))
    with pytest.raises(InputError) as caught:
        encoding.read(write(tmp_path / "mask.png", np.array([[0, 1, 255]], np.uint8)))
    assert "black-and-white" not in str(caught.value)


def test_colors_become_class_indices(tmp_path, write):
    encoding = ColorEncoding({(128, 64, 128): 0, (0, 0, 142): 1}, ignored=[(0, 0, 0)], hint="")
    colors = np.array([[[0, 0, 142], [128, 64, 128], [0, 0, 0]]], np.uint8)
    np.testing.assert_array_equal(encoding.read(write(tmp_path / "mask.png", colors)), [[1, 0, 255]])


def test_colors_outside_the_table_are_reported_with_file_and_count(tmp_path, write):
    encoding = ColorEncoding({(128, 64, 128): 0}, hint="Look into classes.yaml")
    colors = np.array([[[128, 64, 128], [128, 64, 127], [128, 64, 127], [0, 0, 0]]], np.uint8)
    expected = r"mask\.png: colors \(0, 0, 0\), \(128, 64, 127\) \(3 of 4 pixels\) .*neighbor\. Look into classes"
    with pytest.raises(InputError, match=expected):
        encoding.read(write(tmp_path / "mask.png", colors))


def test_only_the_first_of_many_unknown_values_are_named(tmp_path, write):
    encoding = IndexEncoding({0: 0}, hint="")
    with pytest.raises(InputError, match=r"values 1, 2, 3, 4, 5 and 4 more \(9 of 10 pixels\)"):
        encoding.read(write(tmp_path / "mask.png", np.arange(10, dtype=np.uint8)[None]))


def test_the_class_of_one_code():
    values = IndexEncoding({7: 0, 300: 1}, ignored=[0], hint="")
    assert [values.index(code) for code in (7, 300, 0, 1, 1 << 20)] == [0, 1, 255, None, None]
    colors = ColorEncoding({(0, 0, 7): 0, (255, 1, 2): 1}, ignored=[(9, 9, 9)], hint="")
    assert [colors.index(code) for code in (7, 0xFF0102, 0x090909, 0)] == [0, 1, 255, None]


def test_colors_as_numbers():
    colors = np.array([[[255, 128, 0], [0, 1, 255]]], np.uint8)
    assert pack(colors).tolist() == [[255 * 65536 + 128 * 256, 256 + 255]]
    assert [list(unpack(code)) for code in pack(colors).ravel().tolist()] == colors.reshape(-1, 3).tolist()


BYTES = st.integers(0, 255)
COLORS = st.tuples(BYTES, BYTES, BYTES)


def decoded(encoding, pixels, dtype=np.uint8):
    """The class indices that an encoding reads from a file with these pixels."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mask.png"
        Image.fromarray(np.array(pixels, dtype)).save(path)
        return encoding.read(path).tolist()


@given(values=st.lists(BYTES, min_size=1, max_size=254, unique=True), data=st.data())
def test_any_mask_of_known_values_decodes_value_by_value(values, data):
    table = {value: index for index, value in enumerate(values)}
    pixels = data.draw(st.lists(st.lists(st.sampled_from(values), min_size=5, max_size=5), min_size=1, max_size=4))
    expected = [[table[value] for value in row] for row in pixels]
    assert decoded(IndexEncoding(table, hint=""), pixels) == expected


@given(values=st.lists(BYTES, min_size=1, max_size=20, unique=True), stranger=BYTES)
def test_a_single_unknown_value_is_refused(values, stranger):
    encoding = IndexEncoding({value: index for index, value in enumerate(values)}, hint="")
    pixels = [[values[0], values[-1], stranger]]
    if stranger in values:
        assert decoded(encoding, pixels) == [[0, len(values) - 1, values.index(stranger)]]
    else:
        with pytest.raises(InputError, match=rf"value {stranger} \(1 of \d+ pixels\) outside the class table"):
            decoded(encoding, pixels)


@given(
    codes=st.dictionaries(COLORS, st.integers(0, 5), min_size=1, max_size=20),
    ignored=st.lists(COLORS, max_size=3),
    data=st.data(),
)
def test_any_mask_of_known_colors_decodes_color_by_color(codes, ignored, data):
    ignored = [color for color in ignored if color not in codes]
    known = st.sampled_from([*codes, *ignored])
    pixels = data.draw(st.lists(st.lists(known, min_size=3, max_size=3), min_size=1, max_size=4))
    expected = [[codes.get(color, 255) for color in row] for row in pixels]
    assert decoded(ColorEncoding(codes, ignored=ignored, hint=""), pixels) == expected


@pytest.mark.parametrize(("count", "dtype", "void"), [(254, np.uint8, 255), (255, np.uint16, 65535)])
def test_the_number_of_classes_decides_the_depth_of_decoded_masks(count, dtype, void, tmp_path, write):
    encoding = IndexEncoding({1000 + index: index for index in range(count)}, ignored=[0], hint="")
    indices = encoding.read(write(tmp_path / "mask.png", np.array([[0, 1000, 999 + count]], np.uint16)))
    assert indices.dtype == dtype
    assert indices.tolist() == [[void, 0, count - 1]]
    with pytest.raises(
        InputError, match=rf"values 253, 254, 255, 65534, 65535 .* expected 0, 1000 to {999 + count}\. "
    ):
        encoding.read(write(tmp_path / "mask.png", np.array([[253, 254, 255, 65534, 65535]], np.uint16)))


def test_many_classes_of_colors(tmp_path, write):
    encoding = ColorEncoding({(index // 256, index % 256, 9): index for index in range(300)}, hint="")
    colors = np.array([[[0, 0, 9], [0, 254, 9], [0, 255, 9], [1, 43, 9]]], np.uint8)
    assert encoding.read(write(tmp_path / "mask.png", colors)).tolist() == [[0, 254, 255, 299]]
