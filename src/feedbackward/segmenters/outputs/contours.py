"""Contours: the image with the outlines of its classes."""

from typing import IO

from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _write(result: Result, options: OutputOptions, file: IO[bytes]) -> None:
    contours = result.contours(options.legend, options.background)
    # Thin lines would lose their colors if JPEG stored these at half the resolution, as it does by default.
    contours.save(file, "JPEG", quality=92, subsampling=0)


CONTOURS = Output(
    name="contours",
    suffix=".jpg",
    content="the image with the outlines of its classes, above a legend; the background has none",
    write=_write,
)
