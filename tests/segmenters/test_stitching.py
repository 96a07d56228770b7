import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from feedbackward.data.transforms import resize_image
from feedbackward.segmenters.stitching import segment_in_bands, stitch
from feedbackward.segmenters.tiles import Tiles

SMALL = Tiles((192, 256), overlap=64)


def rows_of(image):
    return lambda top, bottom: image[top:bottom]


def channels_first(tile):
    return tile.transpose(2, 0, 1)


def whole_logits(logits):
    return logits


def same_size(size):
    return size


def tiled(image, score, *, tiles=SMALL, padded_size=same_size):
    """The logits of an image (H, W, C) in one piece."""
    return joined(stitch(rows_of(image), image.shape[:2], score, whole_logits, tiles=tiles, padded_size=padded_size))


def joined(bands):
    bands = list(bands)
    return torch.cat(bands, -2) if isinstance(bands[0], torch.Tensor) else np.concatenate(bands, -2)


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


@pytest.mark.parametrize("resized", [(448, 640), (380, 500), (896, 1300), (100, 90)])
def test_tiles_of_a_resized_image_give_the_logits_of_the_whole(resized):
    image, network = np.random.default_rng(0).random((760, 1000, 3)), Strided()
    whole = network(resize_image(as_tensor(image), resized))
    expected = F.interpolate(whole[None], size=(760, 1000), mode="bilinear")[0]
    found = segment_in_bands(
        rows_of(image),
        (760, 1000),
        lambda tile: network(as_tensor(tile)),
        whole_logits,
        resized=resized,
        tiles=SMALL,
        padded_size=same_size,
    )
    torch.testing.assert_close(joined(found), expected)


@pytest.mark.parametrize("resized", [(500, 700), (250, 350), (400, 600), (1000, 1400)])
def test_a_thin_line_is_found_at_its_pixel_in_tiles_of_a_resized_image(resized):
    image = np.zeros((500, 700, 1))
    image[:, 333], image[222, :] = 1, 1
    found = joined(
        segment_in_bands(
            rows_of(image),
            (500, 700),
            as_tensor,
            whole_logits,
            resized=resized,
            tiles=SMALL,
            padded_size=same_size,
        )
    )[0]
    for profile, expected in ((found[100], 333), (found[:, 100], 222)):
        assert abs((profile * torch.arange(len(profile))).sum() / profile.sum() - expected) < 0.1


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


def test_rows_are_read_in_bands_from_top_to_bottom():
    image, calls = np.random.default_rng(0).random((1000, 300, 1)), []

    def read(top, bottom):
        calls.append((top, bottom))
        return image[top:bottom]

    found = joined(stitch(read, (1000, 300), channels_first, whole_logits, tiles=SMALL, padded_size=same_size))
    np.testing.assert_allclose(found[0], image[..., 0])
    assert calls == sorted(calls)
    assert (calls[0][0], calls[-1][1]) == (0, 1000)
    assert max(bottom - top for top, bottom in calls) <= 192


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_logits_are_reduced_once_they_are_blended(kind):
    image, parts = np.random.default_rng(0).random((700, 600, 3)), []

    def reduce(logits):
        parts.append(logits.shape)
        return logits.argmax(0)

    bands = stitch(
        rows_of(image),
        (700, 600),
        lambda tile: kind(tile.transpose(2, 0, 1)),
        reduce,
        tiles=SMALL,
        padded_size=same_size,
    )
    np.testing.assert_array_equal(joined(bands), image.argmax(-1))
    assert sum(height * width for _, height, width in parts) == 700 * 600
    assert all(height <= 192 and width <= 256 for _, height, width in parts)
