"""Label PNGs: the values that the data set's own masks use."""

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result

_ROWS = 64
"""Rows whose values are looked up at a time."""


def label_values(table: ClassTable) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The value in label PNGs of each class index and of ignore_index: an array to be indexed with a mask."""
    values = np.zeros(max(len(table), table.ignore_index + 1), np.uint16)
    values[: len(table)] = table.values
    values[table.ignore_index] = table.void_value
    return values.astype(np.uint8) if values.max() <= 255 else values


def in_values(mask: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Replace class indices by values, an array to be indexed with a mask."""
    replaced = np.empty(mask.shape, values.dtype)
    for top in range(0, len(mask), _ROWS):  # np.take takes 8 bytes for each pixel
        replaced[top : top + _ROWS] = np.take(values, mask[top : top + _ROWS])
    return replaced


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    Image.fromarray(in_values(result.mask, label_values(result.table))).save(file, "PNG")


MASKS = Output(
    name="masks",
    suffix=".png",
    content="the value of each pixel's class, as in the masks of the data set; 16 bits if a value exceeds 255",
    write=_write,
)
