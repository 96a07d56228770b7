from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from feedbackward.errors import InputError
from feedbackward.segmenters.tiles import Tiles, divide, read_forward, stitch

SMALL = Tiles((192, 256), overlap=64)


def rows_of(image):
    return lambda top, bottom: image[top:bottom]


def channels_first(tile):
    return tile.transpose(2, 0, 1)


def same_size(size):
    return size


def tiled(image, score, *, tiles=SMALL, padded_size=same_size):
    """The bands of an image (H, W, C) in one piece."""
    bands = list(stitch(rows_of(image), image.shape[:2], score, tiles=tiles, padded_size=padded_size))
    return torch.cat(bands, 1) if isinstance(bands[0], torch.Tensor) else np.concatenate(bands, 1)


def as_tensor(tile):
    return torch.from_numpy(tile.transpose(2, 0, 1).copy())


class Strided(nn.Module):
    """Sees at most 16 pixels to each side: 1 + 1 + 2 + 4 in its convolutions, and 2 features in the interpolation."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(6, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 5, 3, padding=1),
        ).double()

    @torch.no_grad()
    def forward(self, image):
        upsampled = F.interpolate(self.layers(image[None]), scale_factor=4, mode="bilinear")[0]
        return upsampled[:, : image.shape[1], : image.shape[2]]


@given(
    length=st.integers(1, 3000),
    tile=st.integers(1, 700),
    overlap=st.integers(0, 300),
    smallest=st.integers(1, 100),
)
def test_tiles_cover_an_axis_with_weights_that_sum_to_1(length, tile, overlap, smallest):
    smallest = min(smallest, tile)
    spans = divide(length, tile, overlap=overlap, smallest=smallest)
    total = np.zeros(length)
    for span in spans:
        total[span.start : span.stop] += span.weights
        assert min(smallest, length) <= span.stop - span.start <= tile
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    for left, right in pairwise(spans):
        assert left.stop - right.start >= min(overlap, tile // 2)


@given(length=st.integers(1, 3000), tile=st.integers(128, 700), overlap=st.integers(0, 64))
def test_tiles_start_on_the_grid_of_every_stride(length, tile, overlap):
    assert all(span.start % 64 == 0 for span in divide(length, tile, overlap=overlap))


@given(length=st.integers(1, 3000), tile=st.integers(2, 700), overlap=st.integers(0, 300))
def test_tiles_of_one_length(length, tile, overlap):
    spans = divide(length, tile, overlap=overlap, smallest=tile)
    assert {span.stop - span.start for span in spans} == {min(tile, length)}


def test_the_border_of_the_image_keeps_its_full_weight():
    first, *_, last = divide(1000, 256, overlap=64)
    assert (first.weights[0], last.weights[-1]) == (1, 1)
    assert first.weights[-1] == last.weights[0] == 0


@pytest.mark.parametrize("size", [(1, 1), (100, 1900), (500, 700), (777, 301)])
@pytest.mark.parametrize("kind", ["constant", "ramp", "checkerboard"])
def test_no_seam(kind, size):
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
    image = {"constant": np.full(size, 0.3), "ramp": x / size[1] + y, "checkerboard": (x + y) % 2}[kind][..., None]
    found = tiled(image, channels_first)
    np.testing.assert_allclose(found[0], image[..., 0], rtol=1e-12)


@pytest.mark.parametrize("size", [(448, 640), (501, 703)])
def test_tiles_give_the_logits_of_the_whole_image(size):
    image, network = np.random.default_rng(0).random((*size, 3)), Strided()
    whole = network(as_tensor(image))
    found = tiled(image, lambda tile: network(as_tensor(tile)))
    torch.testing.assert_close(found, whole)
    # An overlap that is too small shows, so the test can fail.
    other = tiled(image, lambda tile: network(as_tensor(tile)), tiles=Tiles((192, 256), overlap=0))
    assert (other - whole).abs().max() > 1e-3


def test_a_thin_line_stays_at_its_pixel():
    image = np.zeros((500, 700, 1))
    image[:, 333], image[222, :] = 1, 1
    blur = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=torch.float64)[None, None]
    found = tiled(image, lambda tile: F.conv2d(as_tensor(tile)[None], blur, padding=1)[0])
    assert found[0, 100].argmax() == 333
    assert found[0, :, 100].argmax() == 222


def test_a_segmenter_of_one_size():
    seen = []

    def score(tile):
        seen.append(tile.shape)
        return tile.transpose(2, 0, 1)

    image = np.random.default_rng(0).random((150, 333, 2))
    found = tiled(image, score, padded_size=lambda size: (96, 100))
    np.testing.assert_allclose(found, image.transpose(2, 0, 1))
    assert set(seen) == {(96, 100, 2)}


def test_an_image_smaller_than_the_segmenter_takes_is_reflected():
    seen = []

    def score(tile):
        seen.append(tile)
        return tile.transpose(2, 0, 1)

    image = np.arange(6.0).reshape(2, 3, 1)
    found = tiled(image, score, padded_size=lambda size: (max(size[0], 3), max(size[1], 5)))
    np.testing.assert_array_equal(found[0], image[..., 0])
    np.testing.assert_array_equal(seen[0][..., 0], [[0, 1, 2, 1, 0], [3, 4, 5, 4, 3], [0, 1, 2, 1, 0]])


def test_a_small_image_is_one_tile():
    seen = []

    def score(tile):
        seen.append(tile.shape)
        return tile.transpose(2, 0, 1)

    tiled(np.zeros((100, 400, 3)), score)
    assert seen == [(100, 400, 3)]


def test_rows_are_read_once_and_in_bands():
    image, calls = np.random.default_rng(0).random((1000, 300, 1)), []

    def read(top, bottom):
        calls.append((top, bottom))
        return image[top:bottom]

    bands = stitch(read, (1000, 300), channels_first, tiles=SMALL, padded_size=same_size)
    heights = [band.shape[1] for band in bands]
    assert [top for top, _ in calls] == [0, *(bottom for _, bottom in calls[:-1])]
    assert max(bottom - top for top, bottom in calls) <= 192
    assert sum(heights) == 1000
    assert max(heights) <= 64


def test_bands_are_not_overwritten_by_the_next():
    image = np.random.default_rng(0).random((700, 300, 1))
    bands = list(stitch(rows_of(image), (700, 300), channels_first, tiles=SMALL, padded_size=same_size))
    np.testing.assert_allclose(np.concatenate(bands, 1), image.transpose(2, 0, 1))


def test_reading_forward():
    image = np.arange(10)[:, None, None]
    read = read_forward(rows_of(image))
    for top, bottom in ((1, 4), (2, 3), (3, 6), (8, 10)):
        np.testing.assert_array_equal(read(top, bottom), image[top:bottom])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (64, 512)}, "tiles of 64x512 are too small; expected height and width of 128 or more"),
        ({"size": (256, 512), "overlap": 129}, "cannot overlap by 129 pixels; expected 0 to 128"),
        ({"overlap": -1}, "cannot overlap by -1 pixels"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        Tiles(**options)
