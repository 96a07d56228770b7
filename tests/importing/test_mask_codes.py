from collections import Counter

import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.importing.mask_codes import Codes, count_codes, describe_codes, to_color


@pytest.fixture
def mask(tmp_path):
    def write(pixels):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
        return path

    return write


def of_values(**pixels):
    """Codes of values, each in one mask."""
    counts = Counter({int(value[1:]): count for value, count in pixels.items()})
    return Codes(False, counts, Counter(counts.keys()))


def test_values_are_counted(mask):
    codes = count_codes([mask([[0, 1], [1, 7]]), mask([[1, 1], [1, 1]])])
    assert codes == Codes(False, Counter({0: 1, 1: 6, 7: 1}), Counter({0: 1, 1: 2, 7: 1}))


def test_colors_are_counted_and_gray_masks_among_them(mask):
    colored = mask([[(1, 2, 3), (255, 0, 0)], [(1, 2, 3), (4, 4, 4)]])
    codes = count_codes([colored, mask([[4, 4], [4, 0]])])
    assert codes.colors
    by_color = {to_color(code): count for code, count in codes.pixels.items()}
    assert by_color == {(1, 2, 3): 2, (255, 0, 0): 1, (4, 4, 4): 4, (0, 0, 0): 1}
    assert codes.masks[0x040404] == 2


def test_masks_that_cannot_be_read(mask, tmp_path):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, np.arange(24, dtype=np.uint16).reshape(2, 4, 3), photometric="rgb")
    with pytest.raises(InputError, match=r"deep\.tif has colors of more than 8 bits per channel"):
        count_codes([mask([[0]]), path])
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"deep\.tif is not an image"):
        count_codes([path])


@pytest.mark.parametrize(
    ("codes", "ignore", "classes"),
    [
        (of_values(v0=9, v255=1), None, {"background": 0, "foreground": 255}),
        (of_values(v0=9), None, {"background": 0, "foreground": 255}),
        (of_values(v0=9, v1=1), None, {"background": 0, "foreground": 1}),
        (of_values(v0=9, v1=1, v255=1), 255, {"background": 0, "foreground": 1}),
        (of_values(v0=9, v1=1, v4=1, v255=1), 255, {"class_0": 0, "class_1": 1, "class_4": 4}),
        (of_values(v1=9, v2=1), None, {"class_1": 1, "class_2": 2}),
        (of_values(v0=9, v300=1), None, {"class_0": 0, "class_300": 300}),
    ],
)
def test_classes_of_values(codes, ignore, classes):
    described = describe_codes(codes)
    assert described["ignore"] == ignore
    assert {entry["name"]: entry["value"] for entry in described["classes"]} == classes


def test_names_tell_whether_white_is_a_class():
    codes = of_values(v0=5, v1=5, v255=5)
    assert describe_codes(codes, ["a", "b"])["ignore"] == 255
    assert describe_codes(codes, ["a", "b", "c"]) == {
        "ignore": None,
        "classes": [{"name": "a", "value": 0}, {"name": "b", "value": 1}, {"name": "c", "value": 255}],
    }
    with pytest.raises(
        InputError, match=r"4 names \(a, b, c, d\) for 2 classes in the masks \(background, foreground\)"
    ):
        describe_codes(codes, ["a", "b", "c", "d"])


def test_soft_edges_have_a_threshold():
    edges = Counter({0: 900, 255: 100} | dict.fromkeys(range(100, 110), 1))
    soft = Codes(False, edges, Counter(edges.keys()))
    assert describe_codes(soft, ["wall", "crack"]) == {
        "threshold": 128,
        "classes": [{"name": "wall", "value": 0}, {"name": "crack", "value": 255}],
    }
    many = Counter(dict.fromkeys(range(12), 100) | {255: 100})
    assert "threshold" not in describe_codes(Codes(False, many, Counter(many.keys())))


def test_colors_have_the_names_of_html():
    codes = Codes(True, Counter({0: 5, 0xFF0000: 5, 0x010203: 1}), Counter({0: 1, 0xFF0000: 1, 0x010203: 1}))
    assert describe_codes(codes) == {
        "masks": "colors",
        "classes": [
            {"name": "black", "color": [0, 0, 0]},
            {"name": "color_1_2_3", "color": [1, 2, 3]},
            {"name": "red", "color": [255, 0, 0]},
        ],
    }
    assert [entry["name"] for entry in describe_codes(codes, ["a", "b", "c"])["classes"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("colors", "message"),
    [
        (False, r"the masks have 65 different values, such as 0, 1, 2, 3, 4 and 60 more: too many for classes"),
        (True, r"65 different colors, such as \(0, 0, 0\), \(0, 0, 1\), .* JPEG or interpolation makes such masks"),
    ],
)
def test_too_many_codes(colors, message):
    codes = Counter(dict.fromkeys(range(65), 1))
    with pytest.raises(InputError, match=message):
        describe_codes(Codes(colors, codes, codes))
