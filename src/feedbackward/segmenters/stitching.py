"""Segmentation of large images in overlapping tiles, whose logits are blended and returned in bands of rows.

It imports no torch unless images are resized: the logits of an exported file are NumPy arrays.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.segmenters.tiles import Size, Span, Tiles, grid

Read: TypeAlias = Callable[[int, int], NDArray[Any]]
"""Reads the rows from `top` to `bottom` of an image as (bottom - top, W, C)."""
Logits: TypeAlias = Any
"""An array or a tensor (classes, H, W), whichever the segmenter returns."""


def segment_in_bands(
    read: Read,
    size: Size,
    score: Callable[[NDArray[Any]], Logits],
    reduce: Callable[[Logits], Logits],
    *,
    resized: Size,
    tiles: Tiles,
    padded_size: Callable[[Size], Size],
) -> Iterator[Logits]:
    """Segment an image of any size that is resized for the segmenter. Without resizing it needs no torch.

    Resizing and interpolation are those of the whole image: pixels and logits lie on its grid.

    Args:
        read: Reads the image, 8-bit or floating-point, from top to bottom: `top` never decreases from call to call.
        size: Height and width of the image.
        score: Computes the logits (classes, h, w) of a tile (h, w, C) of the resized image.
        reduce: Reduces logits (classes, h, w) at the image's size to what is wanted, such as classes (h, w).
        resized: Height and width to which the image is resized; `size` if it is not.
        tiles: How the resized image is divided.
        padded_size: The segmenter's. Smaller tiles are padded by reflection.

    Yields:
        What `reduce` returned, for bands of rows (..., rows, W) from top to bottom.

    Example:
        >>> image = np.random.default_rng(0).random((300, 5000, 3))
        >>> bands = segment_in_bands(
        ...     lambda top, bottom: image[top:bottom],
        ...     (300, 5000),
        ...     lambda tile: tile.transpose(2, 0, 1),
        ...     lambda logits: logits.argmax(0),
        ...     resized=(300, 5000),
        ...     tiles=Tiles((128, 256), overlap=32),
        ...     padded_size=lambda size: size,
        ... )
        >>> bool((np.concatenate(list(bands)) == image.argmax(-1)).all())
        True
    """
    if resized == size:
        yield from stitch(read, size, score, reduce, tiles=tiles, padded_size=padded_size)
        return
    from feedbackward.segmenters.bands import resize_bands, resize_rows

    small = resize_rows(read, size, resized)
    bands = stitch(small, resized, score, lambda logits: logits, tiles=tiles, padded_size=padded_size)
    yield from map(reduce, resize_bands(bands, resized, size))


def stitch(
    read: Read,
    size: Size,
    score: Callable[[NDArray[Any]], Logits],
    reduce: Callable[[Logits], Logits],
    *,
    tiles: Tiles,
    padded_size: Callable[[Size], Size],
) -> Iterator[Logits]:
    """Segment an image of any size, holding the logits of one tile and of the rows where tiles overlap.

    Where the network sees no farther than a quarter of the overlap, the logits are those of the whole image. A network
    with global pooling sees the whole image, and here only a tile of it.

    Args:
        read: Reads the image from top to bottom: `top` never decreases from call to call.
        size: Height and width of the image.
        score: Computes the logits (classes, h, w) of a tile (h, w, C).
        reduce: Reduces blended logits (classes, h, w) to what is wanted, such as classes (h, w).
        tiles: How the image is divided.
        padded_size: The segmenter's. Smaller tiles are padded by reflection.

    Yields:
        What `reduce` returned, for bands of rows (..., rows, W) from top to bottom.
    """
    rows, columns = grid(size, tiles=tiles, padded_size=padded_size)
    above: Logits = None
    for row, bottom in _with_ends(rows):
        pixels, left = read(row.start, row.stop), None
        reduced, below = [], []
        for column, right in _with_ends(columns):
            tile = pixels[:, column.start : column.stop]
            logits = score(_reflect(tile, padded_size(tile.shape[:2])))[:, : tile.shape[0], : tile.shape[1]]
            logits = logits * _like(row.weights[:, None] * column.weights, logits)
            if left is not None:
                logits[..., : left.shape[-1]] += left
            done, left = logits[..., : right - column.start], logits[..., right - column.start :]
            if above is not None:
                done[:, : above.shape[1]] += above[..., column.start : right]
            reduced.append(reduce(done[:, : bottom - row.start]))
            below.append(_copy(done[:, bottom - row.start :]))
        above = _join(below)
        yield _join(reduced)


def _with_ends(spans: list[Span]) -> Iterator[tuple[Span, int]]:
    """Each tile with the pixel at which the next one starts, or the image ends."""
    return zip(spans, [*(span.start for span in spans[1:]), spans[-1].stop], strict=True)


def _reflect(tile: NDArray[Any], size: Size) -> NDArray[Any]:
    bottom, right = size[0] - tile.shape[0], size[1] - tile.shape[1]
    return np.pad(tile, ((0, bottom), (0, right), (0, 0)), "reflect") if bottom or right else tile


def _like(values: NDArray[np.float64], like: Logits) -> Logits:
    return values.astype(like.dtype) if isinstance(like, np.ndarray) else like.new_tensor(values)


def _copy(logits: Logits) -> Logits:
    return logits.copy() if isinstance(logits, np.ndarray) else logits.clone()


def _join(parts: list[Logits]) -> Logits:
    """Put parts of a band side by side."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, -1)
    import torch

    return torch.cat(parts, -1)
