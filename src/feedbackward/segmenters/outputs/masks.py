"""Label PNGs: the values that the data set's own masks use."""

from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def label_values(table: ClassTable) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The value in label PNGs of each class index and of ignore_index: an array to be indexed with a mask."""
    values = np.zeros(max(len(table), table.ignore_index + 1), np.uint16)
    values[: len(table)] = table.values
    values[table.ignore_index] = table.void_value
    return values.astype(np.uint8) if values.max() <= 255 else values


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    Image.fromarray(label_values(result.table)[result.mask]).save(file, "PNG")


MASKS = Output(
    name="masks",
    suffix=".png",
    content="the value of each pixel's class, as in the masks of the data set; 16 bits if a value exceeds 255",
    write=_write,
)
