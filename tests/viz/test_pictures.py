import numpy as np
import pytest

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.viz.pictures import (
    RIGHT,
    UNCOUNTED,
    WRONG,
    circled,
    errors,
    legend,
    overlay,
    paint,
    present,
    side_by_side,
    viewable,
    with_legend,
)

TABLE = ClassTable(("road", "sky", "a class with a long name"), ((128, 64, 128), (70, 130, 180), (0, 200, 0)))
MASK = np.array([[0, 1], [255, 2]])


def test_paint():
    picture = paint(MASK, TABLE)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, [[(128, 64, 128), (70, 130, 180)], [(0, 0, 0), (0, 200, 0)]])
    np.testing.assert_array_equal(paint(MASK.astype(np.uint8), TABLE), picture)


@pytest.mark.parametrize("value", [-1, 3, 19])
def test_paint_refuses_values_outside_the_table(value):
    with pytest.raises(InputError, match=f"mask value {value} is outside the class table; expected 0 to 2"):
        paint(np.array([[0, value]]), TABLE)


def test_overlay():
    image = np.full((2, 2, 3), 100, np.uint8)
    picture = overlay(image, MASK, TABLE, alpha=0.25)
    assert picture[0, 0].tolist() == [107, 91, 107]
    assert picture[1, 0].tolist() == [100, 100, 100]
    np.testing.assert_array_equal(overlay(image, MASK, TABLE, alpha=0), image)


def test_errors():
    picture = errors(np.array([[0, 2], [1, 2]]), MASK, TABLE)
    np.testing.assert_array_equal(picture, [[RIGHT, WRONG], [UNCOUNTED, RIGHT]])


def test_different_sizes_are_refused():
    with pytest.raises(InputError, match="sizes differ: 2x3 and 2x2"):
        overlay(np.zeros((2, 3, 3), np.uint8), MASK, TABLE)
    with pytest.raises(InputError, match="sizes differ: 1x2 and 2x2"):
        errors(MASK[:1], MASK, TABLE)


def test_present():
    assert present(TABLE, MASK) == [0, 1, 2]
    assert present(TABLE, MASK[:, :1], np.array([[2]])) == [0, 2]
    assert present(TABLE, np.array([[255]])) == []


def test_legend_shows_the_given_classes():
    picture = legend(TABLE, [0, 2], width=400)
    assert picture.shape[1] == 400
    assert (picture == (128, 64, 128)).all(axis=2).sum() > 100
    assert (picture == (0, 200, 0)).all(axis=2).sum() > 100
    assert not (picture == (70, 130, 180)).all(axis=2).any()


def test_legend_takes_more_rows_where_it_is_narrow():
    wide, narrow = legend(TABLE, [0, 1, 2], width=900), legend(TABLE, [0, 1, 2], width=1)
    assert narrow.shape[0] > 2 * wide.shape[0]
    assert narrow.shape[1] > 100  # wide enough for the longest name


@pytest.mark.parametrize("alpha", [0, 0.3, 0.5, 0.77, 1])
@pytest.mark.parametrize("void", [-1, -100, 255, 65535])
def test_overlays_are_blended_within_a_level(alpha, void):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (200, 5, 3), dtype=np.uint8)
    mask = rng.choice([0, 1, 2, void], (200, 5))
    table = ClassTable(TABLE.names, TABLE.colors, void, void_value=255)
    picture = overlay(image, mask, table, alpha=alpha)
    colors = np.array(TABLE.colors)[np.where(mask == void, 0, mask)]
    expected = np.where((mask == void)[..., None], image, (1 - alpha) * image + alpha * colors)
    assert np.abs(picture - expected).max() <= 1
    np.testing.assert_array_equal(picture[mask == void], image[mask == void])


def test_an_overlay_leaves_a_class_unpainted():
    image = np.full((2, 2, 3), 100, np.uint8)
    picture = overlay(image, MASK, TABLE, alpha=1, unpainted=1)
    np.testing.assert_array_equal(picture, [[(128, 64, 128), (100,) * 3], [(100,) * 3, (0, 200, 0)]])


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (np.array([[[1, 2, 3, 4]]], np.uint8), [[[1, 2, 3]]]),
        (np.array([[[7, 9]]], np.uint8), [[[7, 7, 7]]]),
        (np.array([[[100], [300], [4095]]], np.uint16), [[[0] * 3, [13] * 3, [255] * 3]]),
        (np.array([[[0.2], [0.6]]], np.float32), [[[51] * 3, [153] * 3]]),
        (np.array([[[-1.0], [np.nan], [1.0]]], np.float32), [[[0] * 3, [128] * 3, [255] * 3]]),
        (np.array([[[5], [5]]], np.uint16), [[[0] * 3, [0] * 3]]),
    ],
)
def test_images_of_any_kind_are_shown(image, shown):
    picture = viewable(image)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, shown)


def test_with_legend_keeps_the_picture():
    image = np.full((20, 30, 3), 7, np.uint8)
    picture = with_legend(image, TABLE, [2])
    np.testing.assert_array_equal(picture[:20, :30], image)
    assert (picture[:20, 30:] == 255).all()
    np.testing.assert_array_equal(with_legend(image, TABLE, []), image)


def test_side_by_side():
    left, right = np.full((40, 60, 3), 10, np.uint8), np.full((20, 10, 3), 200, np.uint8)
    picture = side_by_side([left, right], ["image", "truth"])
    bar = picture.shape[0] - 40
    assert bar > 0
    assert picture.shape[1] == 60 + 8 + 20
    np.testing.assert_array_equal(picture[bar:, :60], left)
    assert (picture[bar:, 68:] == 200).all()
    assert (picture[:bar, :60] < 128).any()  # the title


def test_a_ring_around_a_pixel_leaves_the_pixel():
    image = np.full((40, 60, 3), 100, np.uint8)
    found = circled(image, (20, 10))
    assert found[10, 20].tolist() == [100, 100, 100]
    assert (found[30:] == 100).all()
    around = found[:30, :40].reshape(-1, 3).tolist()
    assert [255, 255, 255] in around
    assert [0, 0, 0] in around
    assert (image == 100).all()
    assert circled(image, (59, 39)).shape == image.shape
