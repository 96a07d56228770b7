import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import OUTPUTS, OutputOptions
from feedbackward.segmenters.result import Result

TABLE = ClassTable(("background", "crack"), ((0, 0, 0), (200, 0, 0)))
MASK = np.zeros((40, 60), np.uint8)
MASK[8:32, 16:40] = 1
IMAGE = np.full((40, 60, 3), 120, np.uint8)


def near(picture, y, x, color):
    return np.abs(picture[y, x].astype(int) - color).max() <= 6


def opened(file):
    with Image.open(file) as image:
        assert image.format == "JPEG"
        return np.array(image)


def test_overlays_have_the_options(written):
    result = Result(IMAGE, MASK, TABLE)
    picture = opened(written("overlays", result))
    assert picture.shape[0] > 40  # the legend
    assert near(picture, 20, 28, (160, 60, 60))
    assert near(picture, 2, 2, (120, 120, 120))
    picture = opened(written("overlays", result, alpha=1, legend=False, background="none"))
    assert picture.shape == (40, 60, 3)
    assert near(picture, 20, 28, (200, 0, 0))
    assert near(picture, 2, 2, (0, 0, 0))


def test_contours_are_outlines(written):
    picture = opened(written("contours", Result(IMAGE, MASK, TABLE), legend=False))
    assert near(picture, 20, 28, (120, 120, 120))
    assert picture[20, 16, 0] > 160 > 80 > picture[20, 16, 1]
    assert near(picture, 20, 4, (120, 120, 120))


@pytest.mark.parametrize("image", [IMAGE[..., :1], np.dstack([IMAGE, IMAGE]), IMAGE.astype(np.uint16) * 100])
@pytest.mark.parametrize("kind", ["overlays", "contours"])
def test_images_of_other_bands_and_bits_are_shown(written, kind, image):
    assert opened(written(kind, Result(image, MASK, TABLE))).shape[2] == 3


def test_options_are_checked():
    with pytest.raises(InputError, match=r"alpha is 1\.5; expected an opacity from 0 to 1"):
        OutputOptions(alpha=1.5)
    with pytest.raises(InputError, match="tolerance is -1; expected 0 pixels or more"):
        OutputOptions(tolerance=-1)
    for kind in ("masks", "overlays", "contours", "polygons", "coco"):
        with pytest.raises(InputError, match="the background 'rack' is not a class: did you mean crack"):
            OUTPUTS[kind].check(TABLE, OutputOptions(background="rack"))
