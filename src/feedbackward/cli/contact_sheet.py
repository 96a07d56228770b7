"""A contact sheet: some samples of a data set, each image beside itself with its mask, above the classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data.encodings import MaskClasses
from feedbackward.importing import Sample
from feedbackward.importing.reading import read_indices, read_pixels
from feedbackward.segmenters.background import background_class
from feedbackward.viz import pictures

SAMPLES = 16
COLUMNS = 4
SIDE = 240
"""The longer side of an image in pixels."""
GAP = 8
TITLE = 36
"""The most characters of a title."""


def contact_sheet(samples: Sequence[Sample], classes: MaskClasses) -> pictures.Picture:
    """Draw up to 16 samples, spread evenly.

    Args:
        samples: At least one sample; the images and masks can be read and fit each other.
        classes: The classes and the encoding of the masks.
    """
    count = min(SAMPLES, len(samples))
    chosen = [samples[index * len(samples) // count] for index in range(count)]
    seen = set[int]()
    tiles = []
    for sample in chosen:
        tile, present = _tile(sample, classes)
        tiles.append(tile)
        seen.update(present)
    rows = [tiles[start : start + COLUMNS] for start in range(0, count, COLUMNS)]
    sheet = _stack([_row(row) for row in rows])
    below = pictures.legend(classes.table, sorted(seen), width=sheet.shape[1])
    return _stack([sheet, below] if seen else [sheet])


def _tile(sample: Sample, classes: MaskClasses) -> tuple[pictures.Picture, list[int]]:
    """The two pictures of a sample, and the classes in it."""
    image = pictures.viewable(read_pixels(sample))
    mask = read_indices(sample, image.shape[:2], classes)
    factor = min(1, SIDE / max(mask.shape))
    size = max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor))
    small = np.array(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    small_mask = mask[np.ix_(_centers(mask.shape[0], size[1]), _centers(mask.shape[1], size[0]))]
    painted = pictures.overlay(small, small_mask, classes.table, unpainted=background_class(classes.table))
    title = f"{sample.split}/{sample.name}" if sample.split else sample.name
    title = title if len(title) <= TITLE else f"...{title[3 - TITLE :]}"
    tile = pictures.side_by_side([small, painted], [title, ""])
    return tile, pictures.present(classes.table, mask)


def _centers(length: int, count: int) -> NDArray[np.intp]:
    """The positions of the nearest pixels, if `length` pixels are reduced to `count`."""
    return ((np.arange(count) + 0.5) * length / count).astype(np.intp)


def _row(tiles: Sequence[pictures.Picture]) -> pictures.Picture:
    row: pictures.Picture = _stack([tile.transpose(1, 0, 2) for tile in tiles]).transpose(1, 0, 2)
    return row


def _stack(parts: Sequence[pictures.Picture]) -> pictures.Picture:
    """The parts from top to bottom, with gaps, on white."""
    height = sum(part.shape[0] for part in parts) + GAP * (len(parts) - 1)
    canvas = np.full((height, max(part.shape[1] for part in parts), 3), 255, np.uint8)
    top = 0
    for part in parts:
        canvas[top : top + part.shape[0], : part.shape[1]] = part
        top += part.shape[0] + GAP
    return canvas
