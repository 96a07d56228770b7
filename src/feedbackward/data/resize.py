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
    """Resize a mask (H, W): each pixel gets the value at its center.

    A center between pixels, as when the size is halved, gets the most frequent value of the two or four around it, the
    smallest of several. Interpolation "nearest" takes the upper left pixel everywhere, "nearest-exact" the lower right
    one between pixels: both shift masks against their images.

    Example:
        >>> resize_mask(np.array([[1, 0], [1, 1]]), (1, 1)).tolist()
        [[1]]
    """
    (above, below), (left, right) = (_around(own, length) for own, length in zip(mask.shape, size, strict=True))
    if np.array_equal(above, below) and np.array_equal(left, right):
        return mask[np.ix_(above, left)]
    around = [mask[np.ix_(rows, columns)] for rows in (above, below) for columns in (left, right)]
    first, second, third, fourth = np.sort(np.stack(around, axis=-1), axis=-1).transpose(2, 0, 1)
    pairs = [second == third, first == second, third == fourth]
    return np.select(pairs, [second, first, third], first)


def _around(own: int, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pixels before and after each center of a resized axis; the same one unless the center is between two."""
    doubled = (2 * np.arange(length) + 1) * own  # twice the centers times the length: integers, as floats would round
    return (doubled - 1) // (2 * length), doubled // (2 * length)
