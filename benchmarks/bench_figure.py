"""One measurement of bench.py, and the file of several."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError
from feedbackward.io import write_json
from feedbackward.machine import describe_machine


@dataclass(frozen=True)
class Figure:
    """How long something took, and how fast the machine was meanwhile.

    Args:
        name: What was timed.
        seconds: The median time.
        low: The first quartile of the times.
        high: The third quartile.
        matmul: FLOPs a second in the product of two large float32 matrices.
        memory: Bytes a second that are copied within the memory; a byte that is read and written counts once.
    """

    name: str
    seconds: float
    low: float
    high: float
    matmul: float
    memory: float


def write_figures(path: Path, figures: Sequence[Figure]) -> None:
    """Write figures with a description of this machine."""
    write_json(path, {"machine": describe_machine(), "figures": list(map(asdict, figures))})


def read_figures(path: Path) -> dict[str, Figure]:
    """Read the file of write_figures; the figures by their names.

    Raises:
        InputError: If it cannot be read, or is no such file.
    """
    try:
        data = json.loads(path.read_bytes())
        figures = [_figure(entry) for entry in data["figures"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a file that bench.py has written") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is not a file that bench.py has written; run it again") from error
    return {figure.name: figure for figure in figures}


def _figure(entry: Any) -> Figure:
    figure = Figure(**entry)
    numbers = [getattr(figure, field.name) for field in fields(figure) if field.type is float]
    positive = (isinstance(number, float) and math.isfinite(number) and number > 0 for number in numbers)
    if not (isinstance(figure.name, str) and all(positive)):
        raise ValueError(entry)
    return figure
