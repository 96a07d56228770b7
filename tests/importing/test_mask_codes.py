from collections import Counter

import pytest

from feedbackward.errors import InputError
from feedbackward.importing.code_tally import Codes
from feedbackward.importing.mask_codes import assumptions, describe_codes


def of_values(**pixels):
    """Codes of values, each in one mask."""
    counts = Counter({int(value[1:]): count for value, count in pixels.items()})
    return Codes(False, counts, Counter(counts.keys()))


@pytest.mark.parametrize(
    ("codes", "ignore", "classes"),
    [
        (of_values(v0=9, v255=1), None, {"background": 0, "foreground": 255}),
        (of_values(v0=9), None, {"background": 0, "foreground": 255}),
        (of_values(v0=9, v1=1), None, {"background": 0, "foreground": 1}),
        (of_values(v0=9, v1=1, v255=1), 255, {"background": 0, "foreground": 1}),
        (of_values(v1=9, v2=1, v255=1), 255, {"class_1": 1, "class_2": 2}),
        (of_values(v0=9, v1=1, v4=1, v255=1), None, {"class_0": 0, "class_1": 1, "class_4": 4, "class_255": 255}),
        (of_values(v0=9, v127=1, v255=1), None, {"class_0": 0, "class_127": 127, "class_255": 255}),
        (of_values(v0=9, v85=1, v170=1, v255=1), None, {f"class_{v}": v for v in (0, 85, 170, 255)}),
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


def mostly_black_and_white(*others):
    """Codes of 0 and 255, and of other values in a pixel each."""
    counts = Counter({0: 9000, 255: 1000} | dict.fromkeys(others, 1))
    return Codes(False, counts, Counter(counts.keys()))


@pytest.mark.parametrize("between", [range(1, 255), range(20, 250, 10), (3, 50, 90, 120, 130, 200, 210)])
def test_soft_edges_have_a_threshold(between):
    described = describe_codes(mostly_black_and_white(*between), ["wall", "crack"])
    assert described == {
        "threshold": 128,
        "classes": [{"name": "wall", "value": 0}, {"name": "crack", "value": 255}],
    }
    (line,) = assumptions(described)
    assert line.startswith("the masks have soft edges: values from 128 on are understood as crack, lower ones as wall;")


@pytest.mark.parametrize(
    "others",
    [
        range(1, 11),  # labels from 0, and void
        range(300, 307),
        (*range(20, 250, 10), 300),
        range(100, 110),
        (50, 100, 150, 200),
    ],
)
def test_labels_have_no_threshold(others):
    codes = mostly_black_and_white(*others)
    described = describe_codes(codes)
    assert "threshold" not in described
    values = {entry["value"] for entry in described["classes"]}
    assert values | ({described["ignore"]} - {None}) == set(codes.pixels)


def test_what_is_assumed():
    assert assumptions(describe_codes(of_values(v0=9, v1=1, v255=1))) == [
        "255 in the masks is understood as pixels to ignore; if it is a class, write a class file that says so"
    ]
    assert assumptions(describe_codes(of_values(v0=9, v127=1, v255=1))) == []
    assert assumptions(describe_codes(of_values(v0=9, v255=1))) == []


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
