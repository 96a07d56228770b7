"""Pictures of masks whose classes overlap, (classes, H, W): 1 where a class is present, 0 where it is not, or void."""

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.viz.pictures import RIGHT, UNCOUNTED, VOID_COLOR, WRONG, Picture

NO_CLASS = (255, 255, 255)


def paint_layers(layers: NDArray[np.integer], table: ClassTable) -> Picture:
    """Color a mask: the mean color of the classes that are present, white without any, black where all are void.

    Args:
        layers: The mask (classes, H, W).
        table: The classes.

    Example:
        >>> table = ClassTable(("wet", "cracked"), ((0, 0, 200), (200, 0, 0)), overlapping=True)
        >>> paint_layers(np.array([[[0, 1, 1]], [[0, 0, 1]]]), table).tolist()
        [[[255, 255, 255], [0, 0, 200], [100, 0, 100]]]
    """
    present = layers == 1
    count = present.sum(0)[..., None]
    summed = np.tensordot(present, np.array(table.colors), ((0,), (0,)))
    empty = np.where((layers == table.ignore_index).all(0)[..., None], VOID_COLOR, NO_CLASS)
    picture: Picture = np.where(count > 0, summed // np.maximum(count, 1), empty).astype(np.uint8)
    return picture


def layer_errors(prediction: NDArray[np.integer], layers: NDArray[np.integer], table: ClassTable) -> Picture:
    """Color the pixels of a prediction: red where any class is wrong, white where none is, gray where all are void.

    Args:
        prediction: (classes, H, W).
        layers: The true mask, of the same shape.
        table: The classes.
    """
    void = layers == table.ignore_index
    verdict = np.where(void.all(0), 2, ((prediction != layers) & ~void).any(0))
    return np.array([RIGHT, WRONG, UNCOUNTED], np.uint8)[verdict.astype(np.intp)]


def present_layers(layers: NDArray[np.integer]) -> list[int]:
    """The classes that occur in a mask (classes, H, W)."""
    return [index for index, layer in enumerate(layers) if (layer == 1).any()]
