"""The probability of each pixel's class as a gray image."""

from typing import IO

import numpy as np
from PIL import Image

from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    Image.fromarray(np.rint(result.confidence * 255).astype(np.uint8)).save(file, "PNG")


CONFIDENCE = Output(
    name="confidence",
    suffix=".png",
    content="the probability of each pixel's class, times 255; 8 bits",
    write=_write,
    needs_probabilities=True,
)
