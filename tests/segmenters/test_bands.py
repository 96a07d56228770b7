"""Resizing in bands, against the whole image's in PyTorch."""

import numpy as np
import pytest
import torch

from feedbackward.data.transforms import resize_image
from feedbackward.nn import resize_logits
from feedbackward.segmenters.bands import resize_bands, resize_rows

SIZES = [
    ((400, 300), (200, 150)),
    ((401, 299), (133, 100)),
    ((300, 100), (451, 207)),
    ((1000, 40), (70, 3)),
    ((1, 1), (5, 3)),
    ((200, 90), (200, 45)),
    ((200, 90), (67, 90)),
]


def read_in_bands(read, height, step=37):
    return np.concatenate([read(top, min(top + step, height)) for top in range(0, height, step)])


def whole(image, size):
    return resize_image(torch.from_numpy(image.transpose(2, 0, 1)), size).numpy().transpose(1, 2, 0)


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_rows_are_those_of_the_whole_image(size, target):
    image = np.random.default_rng(0).random((*size, 4))
    found = read_in_bands(resize_rows(lambda top, bottom: image[top:bottom], size, target), target[0])
    np.testing.assert_allclose(found, whole(image, target), rtol=1e-9)


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_8_bit_rows_are_rounded_as_those_of_the_whole_image(size, target):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = read_in_bands(resize_rows(lambda top, bottom: image[top:bottom], size, target), target[0])
    assert found.dtype == np.uint8
    differences = np.abs(found.astype(int) - whole(image, target))
    assert differences.max() <= 1
    assert differences.mean() < 0.01


def test_rows_are_read_from_top_to_bottom():
    image, calls = np.zeros((500, 40, 1), np.uint8), []

    def read(top, bottom):
        calls.append((top, bottom))
        return image[top:bottom]

    read_in_bands(resize_rows(read, (500, 40), (250, 20)), 250)
    assert calls == sorted(calls)
    assert (calls[0][0], calls[-1][1]) == (0, 500)
    assert max(bottom - top for top, bottom in calls) < 100


def test_rows_can_be_read_again_while_tiles_overlap():
    image = np.random.default_rng(0).random((500, 40, 2))
    read = resize_rows(lambda top, bottom: image[top:bottom], (500, 40), (250, 20))
    expected = whole(image, (250, 20))
    for top, bottom in ((1, 40), (20, 100), (90, 95), (95, 250)):
        np.testing.assert_allclose(read(top, bottom), expected[top:bottom])


@pytest.mark.parametrize("rows", [1, 33, 64])
@pytest.mark.parametrize(
    ("target", "size"), [*SIZES, *((size, target) for target, size in SIZES), ((64, 40), (320, 200))]
)
def test_logits_are_those_of_the_whole_image(size, target, rows):
    logits = torch.rand(3, *size, dtype=torch.float64)
    bands = (logits[:, top : top + rows] for top in range(0, size[0], rows))
    found = list(resize_bands(bands, size, target))
    torch.testing.assert_close(torch.cat(found, 1), resize_logits(logits[None], target)[0])
    assert max(band.shape[1] for band in found) <= 64
