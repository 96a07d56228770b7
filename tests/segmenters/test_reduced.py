from contextlib import contextmanager

import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.data.bands import open_bands
from feedbackward.segmenters import reduced
from feedbackward.segmenters.reduced import ReducedCopy, reduce_mask, reduced_size


@contextmanager
def copied(pixels, path):
    """The copy of an image, before it is read."""
    planar = "contig" if pixels.shape[2] > 1 else None
    options = {"photometric": "minisblack", "planarconfig": planar, "rowsperstrip": 3}
    tifffile.imwrite(path, pixels if planar else pixels[..., 0], **options)
    with open_bands(path, pixels.shape[2]) as bands:
        yield ReducedCopy(bands)


def means(pixels, size):
    """The mean of each block by hand."""
    (height, width), (rows, columns) = pixels.shape[:2], size
    return np.array(
        [
            [
                pixels[y * height // rows : (y + 1) * height // rows, x * width // columns : (x + 1) * width // columns]
                .astype(np.float64)
                .mean((0, 1))
                for x in range(columns)
            ]
            for y in range(rows)
        ]
    )


@pytest.mark.parametrize(
    ("size", "expected"), [((15000, 20000), (3072, 4096)), ((9, 12), (9, 12)), ((90000, 5), (4096, 1))]
)
def test_the_longest_side(size, expected):
    assert reduced_size(size) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(40, 57), (61, 23), (10, 7), (45, 2)])
def test_each_pixel_is_the_mean_of_a_block(size, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(reduced, "LONGEST_SIDE", 10)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 4)).astype(dtype)
    expected = means(pixels, reduced_size(size))
    with copied(pixels, tmp_path / "a.tif") as copy:
        for top, bottom in ((0, 4), (2, 5), (5, size[0] - 2), (4 if size[0] < 8 else 7, size[0])):
            np.testing.assert_array_equal(copy.read(top, bottom), pixels[top:bottom])
        assert copy.image.dtype == dtype
        np.testing.assert_allclose(copy.image, expected, atol=1e-4 if dtype == np.float32 else 0.5)


def test_an_image_that_is_not_larger_is_the_same(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    with copied(pixels, tmp_path / "a.tif") as copy:
        copy.read(0, 7)
        np.testing.assert_array_equal(copy.image, pixels)


def test_a_mask_is_reduced_on_the_grid_of_its_image(tmp_path, monkeypatch):
    monkeypatch.setattr(reduced, "LONGEST_SIDE", 11)
    mask = np.random.default_rng(0).integers(0, 2, (11, 7), dtype=np.uint8).repeat(5, 0).repeat(5, 1)
    with copied(mask[..., None], tmp_path / "a.tif") as copy:
        copy.read(0, 55)
        small = reduce_mask(mask, copy.image.shape[:2])
    np.testing.assert_array_equal(small, mask[2::5, 2::5])
    np.testing.assert_array_equal(copy.image[..., 0], small)


def test_the_copy_of_an_edge_is_where_it_is(tmp_path, monkeypatch):
    """The step from one class to another lies at the same place of image and mask, whatever the factor is."""
    monkeypatch.setattr(reduced, "LONGEST_SIDE", 100)
    mask = np.zeros((3, 737), np.uint8)
    mask[:, 400:] = 255
    with copied(mask[..., None], tmp_path / "a.tif") as copy:
        copy.read(0, 3)
        small = reduce_mask(mask, copy.image.shape[:2])
    assert abs(copy.image[0, :, 0].astype(float).sum() / 255 - (small[0] == 255).sum()) <= 0.5
    assert Image.fromarray(small).size == (100, 1)
