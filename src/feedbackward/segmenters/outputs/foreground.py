"""The probability of the foreground as a gray image, for networks of two classes of which one is the background."""

from typing import IO

import numpy as np
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _check(table: ClassTable, options: OutputOptions) -> None:
    background = options.background_of(table)
    if len(table) != 2:
        raise InputError(
            f"the output foreground is for networks of two classes, but this one has {len(table)}; write probabilities"
        )
    if background is None:
        raise InputError(
            f"neither {table.names[0]} nor {table.names[1]} is known to be the background, which the output "
            f"foreground needs; add --background NAME"
        )


def _write(result: Result, options: OutputOptions, file: IO[bytes]) -> None:
    foreground = 1 if options.background_of(result.table) == 0 else 0
    Image.fromarray(np.rint(result.probabilities[foreground] * 255).astype(np.uint8)).save(file, "PNG")


FOREGROUND = Output(
    name="foreground",
    suffix=".png",
    content="of two classes the probability of the one that is not the background, times 255; 8 bits",
    write=_write,
    needs_probabilities=True,
    check=_check,
)
