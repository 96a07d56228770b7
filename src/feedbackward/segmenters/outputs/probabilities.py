"""The probabilities of all classes as NumPy arrays."""

from typing import IO

import numpy as np

from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.result import Result


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    # Not compressed: it takes long and gains little.
    np.savez(file, probabilities=result.probabilities, classes=np.array(result.table.names))


PROBABILITIES = Output(
    name="probabilities",
    suffix=".npz",
    content="`probabilities`, float32 (classes, height, width), and `classes`, their names; for `numpy.load`",
    write=_write,
    needs_probabilities=True,
)
