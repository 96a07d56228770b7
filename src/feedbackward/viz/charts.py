"""Charts as SVG."""

from typing import IO, Any

import matplotlib
from matplotlib.figure import Figure


def save_svg(figure: Figure, file: IO[Any], *, transparent: bool = False) -> None:
    """Write a figure without a date and with a fixed salt, so that the same numbers give the same file.

    Args:
        figure: The figure.
        file: An open file, of text or bytes.
        transparent: Whether it has no background.
    """
    with matplotlib.rc_context({"svg.hashsalt": "feedbackward"}):
        figure.savefig(file, format="svg", transparent=transparent, metadata={"Date": None})
