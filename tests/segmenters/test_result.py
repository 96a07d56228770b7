import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.background import background_class
from feedbackward.segmenters.result import Result

TABLE = ClassTable(("background", "crack", "stain"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)))
MASK = np.array([[0, 1, 1, 255], [2, 1, 2, 1]], np.uint8)
IMAGE = np.full((2, 4, 3), 100, np.uint8)


@pytest.fixture
def result():
    return Result(IMAGE, MASK, TABLE)


def test_classes_and_shares(result):
    assert result.classes == ["background", "crack", "stain"]
    assert list(result.areas.items()) == [("crack", 4), ("stain", 2), ("background", 1)]
    assert list(result.shares.items()) == [("crack", 0.5), ("stain", 0.25), ("background", 0.125)]
    assert repr(result) == "Result(2x4: crack 50.0%, stain 25.0%, background 12.5%)"
    assert Result(IMAGE, np.full((2, 4), 255, np.uint8), TABLE).classes == []


def test_confidence_is_the_probability_of_the_pixel_s_class():
    probabilities = np.arange(24, dtype=np.float32).reshape(3, 2, 4) / 24
    confidence = Result(IMAGE, MASK, TABLE, probabilities).confidence
    assert confidence.dtype == np.float32
    by_hand = [[0 if MASK[y, x] == 255 else probabilities[MASK[y, x], y, x] for x in range(4)] for y in range(2)]
    np.testing.assert_array_equal(confidence, np.array(by_hand, np.float32))


def test_probabilities_that_were_not_computed(result):
    for name in ("probabilities", "confidence"):
        with pytest.raises(InputError, match=r"were not computed; load the network with fb\.load\(MODEL, prob"):
            getattr(result, name)


def test_the_background_is_left_unpainted(result):
    picture = np.array(result.overlay(legend=False))
    assert picture[0].tolist() == [[100] * 3, [150, 50, 50], [150, 50, 50], [100] * 3]
    assert picture[1, 0].tolist() == [50, 150, 50]
    other = np.array(result.overlay(alpha=1, legend=False, background="stain"))
    assert other[0, 0].tolist() == [0, 0, 0]
    assert other[1, 0].tolist() == [100] * 3
    assert np.array(result.overlay(legend=False, background="none"))[0, 0].tolist() == [50] * 3
    assert result.overlay().size[1] > 2  # the legend


@pytest.mark.parametrize(
    ("names", "name", "index"),
    [
        (("a", "background"), None, 1),
        (("_background_", "a"), None, 0),
        (("Background", "a"), None, 0),
        (("a", "b"), None, None),
        (("a", "b"), "b", 1),
        (("background", "b"), "none", None),
        (("background", "none"), "none", 1),
    ],
)
def test_which_class_is_the_background(names, name, index):
    assert background_class(ClassTable(names, ((0, 0, 0),) * len(names)), name) == index


def test_an_unknown_background_is_named(result):
    with pytest.raises(InputError, match="the background 'stian' is not a class: did you mean stain"):
        result.overlay(background="stian")
    with pytest.raises(InputError, match="alpha is 2; expected an opacity from 0 to 1"):
        result.overlay(alpha=2)


def test_saving_to_a_file_or_a_folder(result, tmp_path):
    result.save(tmp_path / "mask.png")
    result.save(str(tmp_path / "seen.JPG"))
    result.save(tmp_path / "new")
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert files == ["mask.png", "new/masks.png", "new/overlays.jpg", "seen.JPG"]
    for path in ("mask.png", "new/masks.png"):
        with Image.open(tmp_path / path) as image:
            np.testing.assert_array_equal(np.array(image), MASK)


def test_what_cannot_be_saved(result, tmp_path):
    with pytest.raises(InputError, match=r"a\.txt: no output has the suffix \.txt; expected one of \.png"):
        result.save(tmp_path / "a.txt")
    with pytest.raises(InputError, match="no output is named 'mask'"):
        result.save(tmp_path, ["mask"])
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_shows_the_overlay(tmp_path):
    large = Result(np.zeros((3000, 10, 3), np.uint8), np.ones((3000, 10), np.uint8), TABLE)
    (tmp_path / "a.png").write_bytes(large._repr_png_())
    with Image.open(tmp_path / "a.png") as image:
        assert image.height < 1200
        assert image.convert("RGB").getpixel((1, 1)) == (100, 0, 0)


def test_results_need_no_torch():
    code = (
        "import sys, feedbackward.segmenters.outputs, feedbackward.segmenters.result; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
