"""Features of many channels as pictures: their principal components as colors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.viz.pictures import Picture

_RANGE = (1, 99)
"""The percentiles of a component that are drawn darkest and brightest."""
_NEGLIGIBLE = 1e-6
"""A component whose values spread less than this part of the first one's is drawn in middle gray."""


def principal_colors(features: Sequence[NDArray[np.floating]]) -> list[Picture]:
    """Draw features with the same channels so that one color means one mixture of channels in all of them.

    Each feature is centered and scaled to a deviation of 1. The first three principal components of all of them are
    red, green and blue; of a single channel the picture is gray.

    Args:
        features: Features (C, h, w), of any sizes.

    Returns:
        A picture (h, w, 3) of each.
    """
    pixels = [_standardized(feature.reshape(len(feature), -1).astype(np.float64)) for feature in features]
    basis = _basis(np.concatenate(pixels, axis=1))
    components = [basis @ each for each in pixels]
    low, high = np.percentile(np.concatenate(components, axis=1), _RANGE, axis=1)[..., None]
    spread = high - low
    # Components without variance are rounding errors, not values to be stretched.
    scale = np.divide(255, spread, out=np.zeros_like(spread), where=spread > _NEGLIGIBLE * spread.max())
    pictures = []
    for feature, found in zip(features, components, strict=True):
        colors = np.full((3, found.shape[1]), 128, np.uint8)
        shown = np.where(scale > 0, np.clip((found - low) * scale, 0, 255), 128)
        colors[: len(found)] = np.rint(shown)
        if len(found) == 1:
            colors[1:] = colors[0]
        pictures.append(np.ascontiguousarray(colors.T).reshape(*feature.shape[1:], 3))
    return pictures


def _standardized(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    centered: NDArray[np.float64] = pixels - pixels.mean(1, keepdims=True)
    deviation = centered.std()
    return centered / deviation if deviation > 0 else centered


def _basis(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first three principal directions (at most 3, C) of columns (C, N), the largest entry of each positive."""
    channels, count = pixels.shape
    vectors: NDArray[Any]
    if channels <= count:
        _, vectors = np.linalg.eigh(pixels @ pixels.T)
    else:  # the smaller of the two products has the same nonzero eigenvalues
        _, of_pixels = np.linalg.eigh(pixels.T @ pixels)
        vectors = pixels @ of_pixels
    basis = vectors[:, ::-1][:, :3].T
    lengths = np.linalg.norm(basis, axis=1, keepdims=True)
    basis = np.divide(basis, lengths, out=np.zeros_like(basis), where=lengths > 0)
    largest = np.take_along_axis(basis, np.abs(basis).argmax(1)[:, None], axis=1)
    signed: NDArray[np.float64] = np.where(largest < 0, -basis, basis)
    return signed
