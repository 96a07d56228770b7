"""Overlays: the image blended with the colors of its classes."""

from typing import IO

from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _write(result: Result, options: OutputOptions, file: IO[bytes]) -> None:
    overlay = result.overlay(options.alpha, options.legend, options.background)
    overlay.save(file, "JPEG", quality=92)


OVERLAYS = Output(
    name="overlays",
    suffix=".jpg",
    content="the image blended with the colors of its classes, above a legend; the background is left unpainted",
    write=_write,
)
