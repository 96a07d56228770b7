"""Resizing of large images in bands of rows, on the grid of the whole image."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.resize import resize_image
from feedbackward.segmenters.stitching import Logits, Read
from feedbackward.segmenters.tiles import Size

BAND = 64
"""The most rows that are resized at a time."""
BAND_VALUES = 2**24
"""The most logits of a band, so that many classes need no more memory than few."""


def resize_rows(read: Read, size: Size, target: Size) -> Read:
    """Resize an image bilinearly with antialiasing, as `resize_image` does with the whole of it.

    Args:
        read: Reads the image, 8-bit or floating-point, from top to bottom: `top` never decreases from call to call.
        size: Height and width of the image.
        target: Height and width of the resized image.

    Returns:
        A function that reads the resized image from top to bottom. Of 8-bit images single values may be
        rounded the other way than in the whole.
    """
    scale = size[0] / target[0]
    support = max(scale, 1.0)

    def read_band(top: int, bottom: int) -> NDArray[Any]:
        centers = (np.arange(top, bottom) + 0.5) * scale
        first, last = max(0, int(centers[0] - support + 0.5)), min(size[0], int(centers[-1] + support + 0.5))
        pixels = torch.from_numpy(np.ascontiguousarray(read(first, last))).permute(2, 0, 1)
        columns = resize_image(pixels, (last - first, target[1])).permute(1, 2, 0).numpy()
        distances = np.abs(np.arange(first, last) + 0.5 - centers[:, None]) / support
        weights = np.clip(1 - distances, 0, None)
        weights /= weights.sum(1, keepdims=True)
        kind = columns.dtype if columns.dtype.kind == "f" else np.dtype(np.float32)
        flat = weights.astype(kind) @ columns.reshape(last - first, -1).astype(kind, copy=False)
        band: NDArray[Any] = flat.reshape(-1, *columns.shape[1:])
        # PyTorch rounds halves up.
        return band if kind == columns.dtype else np.floor(band + 0.5).astype(columns.dtype)

    def read_bands(top: int, bottom: int) -> NDArray[Any]:
        tops = range(top, bottom, BAND)
        return np.concatenate([read_band(start, min(start + BAND, bottom)) for start in tops])

    return _read_once(read_bands)


def _read_once(read: Read) -> Read:
    """Read each row once and keep it while later calls ask for it again."""
    kept: NDArray[Any] | None = None
    first = 0

    def read_next(top: int, bottom: int) -> NDArray[Any]:
        nonlocal kept, first
        if kept is None:
            kept = read(0, bottom)[top:]
        elif bottom > (end := first + len(kept)):
            kept = np.concatenate([kept[top - first :], read(end, bottom)])
        else:
            kept = kept[top - first :]
        first = top
        return kept[: bottom - top]

    return read_next


def resize_bands(bands: Iterable[Logits], size: Size, target: Size) -> Iterator[Tensor]:
    """Resize logits bilinearly, as `resize_logits` does with those of the whole image.

    Args:
        bands: Logits (classes, rows, w) of consecutive rows, from top to bottom.
        size: Height and width of all of them together.
        target: Height and width of the image.

    Yields:
        Logits (classes, rows, W) of at most 64 rows, and of at most 16 million values if a row has no more, from top to
        bottom.
    """
    centers = np.maximum((np.arange(target[0]) + 0.5) * size[0] / target[0] - 0.5, 0)
    above = np.minimum(centers.astype(np.intp), size[0] - 1)
    below = np.minimum(above + 1, size[0] - 1)
    kept: Tensor | None = None
    first = done = 0
    widest = max(size[1], target[1])
    for band in (part for whole in bands for part in _split(torch.as_tensor(whole), widest)):
        kept = band if kept is None else torch.cat([kept, band], 1)
        ready = int(np.searchsorted(below, first + kept.shape[1]))
        most = _rows(len(band), widest)
        for top in range(done, ready, most):
            rows = slice(top, min(top + most, ready))
            upper, lower = (kept[:, indices[rows] - first] for indices in (above, below))
            narrow = torch.lerp(upper, lower, kept.new_tensor(centers[rows] - above[rows])[:, None])
            yield F.interpolate(narrow[None], size=(narrow.shape[1], target[1]), mode="bilinear")[0]
        if ready < target[0]:
            passed = min(int(above[ready]) - first, kept.shape[1])  # the next row may be in a later band
            kept, first = kept[:, passed:], first + passed
        done = ready


def _split(logits: Tensor, width: int) -> tuple[Tensor, ...]:
    """Logits (classes, rows, w) in bands that are small also at another width."""
    return torch.split(logits, _rows(len(logits), width), 1)


def _rows(classes: int, width: int) -> int:
    return max(1, min(BAND, BAND_VALUES // (classes * width)))
