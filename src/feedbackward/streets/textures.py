"""Surface noise: periodic tiles of fractal noise, sampled at world coordinates."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

_SIDE = 1024
_TEXELS_PER_METRE = 48.0


@cache
def _tile(roughness: float) -> Array:
    """A periodic tile (1024, 1024) of mean 0 and variance 1 with a spectrum of 1/frequency^roughness."""
    white = np.random.default_rng(0).standard_normal((_SIDE, _SIDE))
    frequency = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    frequency[0, 0] = np.inf  # removes the mean
    tile = np.fft.irfft2(np.fft.rfft2(white) / frequency**roughness, s=(_SIDE, _SIDE))
    return np.ascontiguousarray(tile / tile.std(), dtype=np.float32)


def noise(u: Array, v: Array, *, roughness: float = 0.9) -> Array:
    """Noise of mean 0 and variance 1 at coordinates in meters; u and v are broadcast.

    Args:
        u: Coordinate along one direction, in meters.
        v: Coordinate along the other direction, in meters.
        roughness: 0.9 looks like gravel, 1.6 like clouds.
    """
    rows = (v * _TEXELS_PER_METRE).astype(np.int32) & (_SIDE - 1)
    columns = (u * _TEXELS_PER_METRE).astype(np.int32) & (_SIDE - 1)
    return np.asarray(_tile(roughness)[rows, columns])


def tinted(color: tuple[float, float, float], light: Array) -> Array:
    """A color under a light (h, w), as (3, h, w)."""
    return np.asarray(np.array(color, np.float32)[:, None, None] * light)


def stripes(coordinate: Array, *, pitch: float, width: float) -> Array:
    """1 on lines of the given width every `pitch` meters, 0 elsewhere."""
    return np.asarray(np.mod(coordinate, pitch) < width, np.float32)


def hashed(i: NDArray[np.int32], j: NDArray[np.int32], *, salt: int) -> Array:
    """A pseudorandom value in [0, 1) for every pair of integers, independent of the picture's size."""
    mixed = (i.astype(np.uint32) * np.uint32(73856093)) ^ (j.astype(np.uint32) * np.uint32(19349663))
    mixed = (mixed ^ np.uint32(salt)) * np.uint32(2654435761)
    return np.asarray(((mixed >> np.uint32(8)) & np.uint32(0xFFFF)) / np.float32(65536), np.float32)
