"""Tiles of any size and overlap give the scores of the whole image, if these depend on near pixels only."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from numpy.typing import NDArray

from feedbackward.segmenters.stitching import segment_in_bands, stitch
from feedbackward.segmenters.tiles import Tiles


def near(image: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Scores (C, h, w) of an image (h, w, C): each pixel and those at a distance on two sides, with zeros around."""
    scores = image.transpose(2, 0, 1).copy()
    if reach:
        scores[:, reach:, reach:] += 2 * image.transpose(2, 0, 1)[:, :-reach, :-reach]
        scores[:, :-reach, :] -= 3 * image.transpose(2, 0, 1)[:, reach:, :]
    return scores


@given(
    size=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    tile=st.tuples(st.integers(128, 320), st.integers(128, 320)),
    overlap=st.integers(0, 64),
    seed=st.integers(0, 99),
)
def test_stitched_scores_are_those_of_the_whole(
    size: tuple[int, int], tile: tuple[int, int], overlap: int, seed: int
) -> None:
    image = np.random.default_rng(seed).random((*size, 2))
    reach = min(overlap // 4, *(side - 1 for side in size))
    bands = stitch(
        lambda top, bottom: image[top:bottom],
        size,
        lambda tile: near(tile, min(reach, *(side - 1 for side in tile.shape[:2]))),
        lambda scores: scores,
        tiles=Tiles(tile, overlap=overlap),
        padded_size=lambda size: size,
    )
    np.testing.assert_allclose(np.concatenate(list(bands), -2), near(image, reach), rtol=1e-9, atol=1e-9)


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    resized=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    tile=st.tuples(st.integers(128, 200), st.integers(128, 200)),
    seed=st.integers(0, 99),
)
def test_resized_in_tiles_as_in_one(
    size: tuple[int, int], resized: tuple[int, int], tile: tuple[int, int], seed: int
) -> None:
    image = np.random.default_rng(seed).random((*size, 2), np.float32)

    def segmented(tiles: Tiles) -> NDArray[np.float32]:
        bands = segment_in_bands(
            lambda top, bottom: image[top:bottom],
            size,
            lambda tile: tile.transpose(2, 0, 1),
            np.asarray,
            resized=resized,
            tiles=tiles,
            padded_size=lambda size: size,
        )
        return np.concatenate(list(bands), -2)

    whole = segmented(Tiles((1024, 1024), overlap=64))
    assert whole.shape == (2, *size)
    np.testing.assert_allclose(segmented(Tiles(tile, overlap=64)), whole, rtol=1e-4, atol=1e-5)
