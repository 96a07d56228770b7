"""Charts: curves over the epochs of a training, reliability diagrams, and reproducible SVG files."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

MOST_MARKERS = 30
"""Curves with more points than this have no markers."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A value over the epochs of a training.

    Args:
        label: Name in the legend.
        points: Pairs of epoch and value.
        color: Color in matplotlib's terms; the next one of its cycle if None.
        dashed: Whether the line is dashed.
    """

    label: str
    points: Sequence[tuple[int, float]]
    color: str | None = None
    dashed: bool = False


def plot_curves(axes: Axes, curves: Iterable[Curve]) -> None:
    """Plot curves over the epochs; the legend is left to the caller.

    Args:
        axes: Where to plot.
        curves: The curves.
    """
    for curve in curves:
        axes.plot(
            [epoch for epoch, _ in curve.points],
            [value for _, value in curve.points],
            label=curve.label,
            color=curve.color,
            linestyle="--" if curve.dashed else "-",
            linewidth=1.6,
            marker="o" if len(curve.points) < MOST_MARKERS else "",
            ms=3,
        )
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def plot_reliability(
    axes: Axes, below: Axes, *, pixels: Sequence[int], confidence: Sequence[float], accuracy: Sequence[float]
) -> None:
    """Plot a reliability diagram over bins of the same width, and how many pixels each bin has.

    Args:
        axes: For the diagram: the accuracy of each bin at its mean confidence, against the diagonal.
        below: For the share of pixels in each bin.
        pixels: The number of pixels in each bin from 0 to 1.
        confidence: Their mean confidence, from 0 to 1; not shown for a bin without pixels.
        accuracy: The share of them that is right.
    """
    bins, total = len(pixels), sum(pixels) or 1
    lefts = [index / bins for index in range(bins)]
    filled = [index for index in range(bins) if pixels[index]]
    axes.bar([lefts[i] for i in filled], [accuracy[i] for i in filled], 1 / bins, align="edge", color="#7ea6d4", ec="w")
    axes.plot([0, 1], [0, 1], color="#888", linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot(
        [confidence[i] for i in filled], [accuracy[i] for i in filled], "o-", color="#c0392b", ms=4, label="found"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    below.bar(lefts, [count / total for count in pixels], 1 / bins, align="edge", color="#9aa5b5", ec="w")
    below.set(xlim=(0, 1), xlabel="confidence", ylabel="pixels")
    below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for each in (axes, below):
        each.grid(alpha=0.25)
        each.spines[["top", "right"]].set_visible(False)


def save_svg(figure: Figure, file: IO[Any], *, transparent: bool = False) -> None:
    """Write a figure as SVG, without a date and with fixed ids: the same numbers give the same file.

    Args:
        figure: The figure.
        file: An open file, of text or bytes.
        transparent: Whether to leave out the background.
    """
    with matplotlib.rc_context({"svg.hashsalt": "feedbackward"}):
        figure.savefig(file, format="svg", transparent=transparent, metadata={"Date": None})


def inline_svg(figure: Figure) -> str:
    """A figure as an SVG element for an HTML page, with a transparent background."""
    buffer = io.StringIO()
    save_svg(figure, buffer, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
