import numpy as np
import pytest
import torch

from feedbackward.segmenters import Predictor
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.tiled import Tiled
from feedbackward.segmenters.tiles import Tiles

TILES = Tiles((128, 128), overlap=64)


@pytest.mark.parametrize("size", [(100, 120), (300, 200)])
def test_logits_are_those_of_a_prediction(strongest, size):
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    logits = Tiled(Normalized(strongest), TILES).logits(
        torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
    )
    assert logits.shape[-2:] == size
    assert max(max(seen.shape[-2:]) for seen in strongest.seen) <= 128
    for found, image in zip(logits.argmax(1), images, strict=True):
        np.testing.assert_array_equal(found, Predictor(strongest, tiles=TILES).predict(image))


def test_images_that_are_too_small_are_padded(strongest):
    strongest.padded_size = lambda size: (max(size[0], 40), max(size[1], 40))
    images = torch.rand(2, 3, 24, 50)
    tiled = Tiled(strongest)
    assert tiled.padded_size((24, 50)) == (24, 50)
    assert tiled.logits(images).shape == (2, strongest.classes, 24, 50)
    assert {tuple(seen.shape[-2:]) for seen in strongest.seen} == {(40, 50)}
