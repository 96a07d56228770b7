"""Resizing of images and masks on one grid: what is at a place of the image is at that place of the mask."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from feedbackward.data.arguments import Size

Mask = TypeVar("Mask", bound=np.integer)


def resize_image(image: Tensor, size: Size) -> Tensor:
    """Resize images (..., C, H, W), 8-bit or of floating point, bilinearly with antialiasing."""
    resized: Tensor = v2.functional.resize_image(image, list(size), antialias=True)
    return resized


def resize_mask(mask: NDArray[Mask], size: Size) -> NDArray[Mask]:
    """Resize masks (..., H, W): each pixel gets the value at its center.

    A center between pixels, as when the size is halved, gets the most frequent value of the two or four around it, the
    smallest of several. Interpolation "nearest" takes the upper left pixel everywhere, "nearest-exact" the lower right
    one between pixels: both shift masks against their images.

    Example:
        >>> resize_mask(np.array([[1, 0], [1, 1]]), (1, 1)).tolist()
        [[1]]
    """
    (above, below), (left, right) = (_around(own, length) for own, length in zip(mask.shape[-2:], size, strict=True))
    rows, columns = np.flatnonzero(above != below), np.flatnonzero(left != right)
    resized = _pixels(mask, above, left)
    resized[..., rows, :] = np.minimum(resized[..., rows, :], _pixels(mask, below[rows], left))
    resized[..., columns] = np.minimum(resized[..., columns], _pixels(mask, above, right[columns]))
    around = [_pixels(mask, row[rows], column[columns]) for row in (above, below) for column in (left, right)]
    resized[..., rows[:, None], columns] = _most_frequent(*around)
    return resized


def _pixels(mask: NDArray[Mask], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Mask]:
    return mask.take(rows, axis=-2).take(columns, axis=-1)


def _most_frequent(one: NDArray[Mask], two: NDArray[Mask], three: NDArray[Mask], four: NDArray[Mask]) -> NDArray[Mask]:
    """The most frequent of four values in each place, the smallest of several; a sorting network, as sort is slow."""
    low, high = np.minimum(one, two), np.maximum(one, two)
    other_low, other_high = np.minimum(three, four), np.maximum(three, four)
    first, fourth = np.minimum(low, other_low), np.maximum(high, other_high)
    inner, outer = np.maximum(low, other_low), np.minimum(high, other_high)
    second, third = np.minimum(inner, outer), np.maximum(inner, outer)
    pairs = [second == third, first == second, third == fourth]
    return np.select(pairs, [second, first, third], first)


def _around(own: int, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels before and after each center of a resized axis; the same one unless the center is between two."""
    doubled = (2 * np.arange(length) + 1) * own  # twice the centers times the length: integers, as floats would round
    return (doubled - 1) // (2 * length), doubled // (2 * length)
