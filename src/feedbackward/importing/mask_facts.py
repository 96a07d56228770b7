"""The values or colors of one mask."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.encodings import pack
from feedbackward.data.masks import read_mask_codes, read_mask_colors
from feedbackward.errors import InputError


@dataclass(frozen=True)
class MaskFacts:
    """A mask, read or drawn.

    Args:
        size: Height and width, upright.
        colors: Whether its codes are colors; see Codes.
        codes: The codes that occur, ascending.
        counts: The number of pixels of each.
    """

    size: tuple[int, int]
    colors: bool
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]


def read_mask_facts(path: Path, *, as_colors: bool = False) -> MaskFacts:
    """Count the values of a mask file, or its colors if its channels differ.

    Args:
        path: The file.
        as_colors: Whether colors are counted in any case, those of a palette too.

    Raises:
        InputError: If it cannot be read as a mask.
    """
    pixels: NDArray[Any] = read_mask_colors(path) if as_colors else read_mask_codes(path)
    if pixels.ndim == 2:
        return mask_facts(pixels)
    if pixels.dtype != np.uint8:
        raise InputError(f"{path} has colors of more than 8 bits per channel; save the mask with 8 bits")
    return MaskFacts(pixels.shape[:2], True, *_count(pack(pixels)))


def mask_facts(mask: NDArray[np.uint8 | np.uint16]) -> MaskFacts:
    """Count the values of a mask (height, width)."""
    return MaskFacts(mask.shape, False, *_count(mask))


def _count(codes: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes that occur and the number of pixels of each, by runs of equal pixels: masks have few."""
    flat = codes.reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    found, runs = np.unique(flat[starts], return_inverse=True)
    return found.astype(np.int64), np.bincount(runs, weights=lengths).astype(np.int64)
