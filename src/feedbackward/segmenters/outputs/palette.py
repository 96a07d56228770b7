"""Palette PNGs: the values of label PNGs, which viewers show in the colors of the classes."""

from typing import IO

import numpy as np
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs.masks import in_values, label_values
from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _check(table: ClassTable, _: OutputOptions) -> None:
    values = label_values(table)
    if values.dtype != np.uint8:
        raise InputError(
            f"the classes have values up to {values.max()}, but a palette PNG has 8 bits; write masks and overlays"
        )


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    values = label_values(result.table)
    # With fewer than 256 entries Pillow would write fewer than 8 bits per pixel.
    palette = np.zeros((256, 3), np.uint8)
    palette[values[: len(result.table)]] = result.table.colors
    image = Image.fromarray(in_values(result.mask, values))
    image.putpalette(palette.tobytes())
    image.save(file, "PNG")


PALETTE = Output(
    name="palette",
    suffix=".png",
    content="the values of masks, shown by viewers in the colors of the classes; 8 bits",
    write=_write,
    check=_check,
)
