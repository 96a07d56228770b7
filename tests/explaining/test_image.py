"""The image is what the network sees, reduced if it is large."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.data import large
from feedbackward.explaining import image as module
from feedbackward.explaining.image import explained_image, logits_of_image
from feedbackward.models import Feedbackward
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters.reduced import LONGEST_SIDE

PREPROCESSING = Preprocessing.identity("RGB")


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_a_small_image_is_as_it_is(pixels: np.ndarray) -> None:
    found = explained_image(pixels, PREPROCESSING)
    np.testing.assert_array_equal(found.picture, pixels)
    assert torch.equal(found.unit[0], torch.from_numpy(pixels).permute(2, 0, 1) / 255)
    assert (found.is_reduced, found.size, found.own_size) == (False, (60, 80), (60, 80))


def test_it_is_resized_as_for_the_network(pixels: np.ndarray) -> None:
    found = explained_image(pixels, replace(PREPROCESSING, resize=Resize(longest_side=40)))
    assert (found.is_reduced, found.size, found.own_size) == (False, (30, 40), (60, 80))
    assert found.pixel(79, 30) == (39, 15)
    assert found.own_pixel(39, 15) == (78, 30)
    larger = explained_image(pixels, replace(PREPROCESSING, resize=Resize(size=(90, 100))))
    assert larger.own_pixel(99, 89) == (79, 59)


@pytest.mark.parametrize("width", [1, 3, 37, 79, 80])
def test_a_pixel_of_a_reduced_image_is_one_of_the_file(pixels: np.ndarray, width: int) -> None:
    found = explained_image(pixels, replace(PREPROCESSING, resize=Resize(size=(60, width))))
    for x in range(width):
        assert found.pixel(*found.own_pixel(x, 5)) == (x, 5)


def test_a_large_one_is_reduced(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PIXELS", 1200)
    found = explained_image(pixels, PREPROCESSING)
    assert (found.is_reduced, found.size) == (True, (30, 40))


def test_a_long_one_is_reduced() -> None:
    found = explained_image(np.zeros((1, 3 * LONGEST_SIDE, 3), np.uint8), PREPROCESSING)
    assert (found.is_reduced, found.size) == (True, (1, LONGEST_SIDE))


def test_one_that_is_read_in_bands(pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.png"
    Image.fromarray(pixels).save(file)
    expected = explained_image(file, PREPROCESSING)
    monkeypatch.setattr(large.read_unless_large, "__defaults__", (0.001,))
    found = explained_image(file, PREPROCESSING)
    np.testing.assert_array_equal(found.picture, expected.picture)


def test_the_logits_are_those_of_the_network(network: Feedbackward, pixels: np.ndarray) -> None:
    image = explained_image(pixels, network.preprocessing)
    with torch.no_grad():
        expected = network(network.preprocessing(image.unit))
        torch.testing.assert_close(logits_of_image(network, image), expected)
