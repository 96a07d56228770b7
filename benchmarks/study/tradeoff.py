"""Draw the mean IoU of groups of rows against their trained parameters, and against milliseconds per image.

    python benchmarks/study/tradeoff.py docs/performance/tradeoff.json docs/study/claims docs/study/tradeoff.svg

The times are those of `feedbackward benchmark --json`. A point is the mean over the seeds of a row, its line goes from
the lowest to the highest. A line marks the time of the encoder alone, if it was measured. Networks without a time are
on the left alone, and named.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import networks  # noqa: F401  (registers them)
import torch
from matplotlib import colormaps
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from plan import claims
from report import build
from runs import Folders, best_runs, first_runs, load, mean_iou

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.models.costs import parameters
from feedbackward.viz.charts import save_svg

FROZEN = ", encoder frozen"
"""The end of the titles of rows with a frozen encoder."""


@dataclass(frozen=True)
class Point:
    """A row of the study.

    Args:
        title: The title of the row without FROZEN.
        frozen: Whether its encoder is frozen.
        scores: The mean IoU by seed, in percent.
        trained: The number of trained parameters.
        milliseconds: The time per image, if it was measured.
    """

    title: str
    frozen: bool
    scores: tuple[float, ...]
    trained: int
    milliseconds: float | None


def main(args: Sequence[str] | None = None) -> None:
    """Draw the figure that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=Path, help="JSON file of `feedbackward benchmark --json`")
    parser.add_argument("results", type=Path, help="folder of the results of `benchmarks/study claims`")
    parser.add_argument("figure", type=Path, help="SVG file to write")
    parser.add_argument("--groups", default="camvid,stages", help="the groups of rows to draw (default: %(default)s)")
    options = parser.parse_args(args)
    try:
        times = json.loads(options.times.read_text(encoding="utf-8"))["results"]
        points = [point for group in options.groups.split(",") for point in read_points(group, options.results, times)]
        alone = next((_milliseconds(time) for time in times if time["name"].startswith("timm/")), None)
        write_whole(options.figure, partial(save_svg, draw(points, alone)))
    except InputError as error:
        sys.exit(f"error: {error}")
    for point in points:
        if point.milliseconds is None:
            print(f"no time of: {point.title}")


def read_points(group: str, results: Path, times: Iterable[dict[str, Any]]) -> list[Point]:
    """The rows of a group that have results.

    Args:
        group: The name of the group.
        results: The folder of the results.
        times: The results in the JSON file of `feedbackward benchmark`.

    Raises:
        InputError: If the group has no results.
    """
    folders = Folders(Path(), Path(), Path(), results)
    milliseconds = {_key(_candidate(time["name"])): _milliseconds(time) for time in times}
    points = []
    for row in next(found for found in claims() if found.name == group).rows:
        runs = best_runs(first_runs(row, (), folders))
        if runs:
            result = load(runs[0])
            points.append(
                Point(
                    row.title.removesuffix(FROZEN),
                    row.title.endswith(FROZEN),
                    tuple(100 * mean_iou(run) for run in runs),
                    sum(parameters(build(result), trainable=True).values()),
                    milliseconds.get(_key(result["network"])),
                )
            )
    if not points:
        raise InputError(f"{results} has no results of {group!r}; train it with benchmarks/study")
    return points


def _milliseconds(time: dict[str, Any]) -> float:
    return 1e3 / float(time["images_per_second"])


def _candidate(name: str) -> dict[str, Any]:
    with torch.device("meta"):
        return dict(create_candidate(name).config)


def _key(config: dict[str, Any]) -> str:
    """What the time of a network depends on, as JSON."""
    ignored = ("classes", "freeze_encoder", "preprocessing")
    return json.dumps({key: value for key, value in config.items() if key not in ignored}, sort_keys=True)


def _color(index: int) -> Any:
    """The strong colors of the map first, then the pale ones."""
    return colormaps["tab20"]((2 * index + index // 10) % 20)


def draw(points: Sequence[Point], alone: float | None = None) -> Figure:
    """Two charts side by side: a color for each title, a hollow marker where the encoder is frozen.

    Args:
        points: The rows.
        alone: The milliseconds of the encoder alone.
    """
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    FigureCanvasSVG(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    titles = list(dict.fromkeys(point.title for point in points))
    for point in points:
        color = _color(titles.index(point.title))
        look = {"color": color, "fmt": "o", "markerfacecolor": "white" if point.frozen else color, "capsize": 2}
        middle = mean(point.scores)
        spread = [[middle - min(point.scores)], [max(point.scores) - middle]]
        left.errorbar(point.trained, middle, yerr=spread, **look)
        if point.milliseconds is not None:
            right.errorbar(point.milliseconds, middle, yerr=spread, **look)
    for title in titles:
        left.scatter([], [], color=_color(titles.index(title)), label=title)
    left.scatter([], [], facecolor="white", edgecolor="black", label="hollow: encoder frozen")
    if alone is not None:
        right.axvline(alone, color="black", linestyle="--", label="the encoder alone")
    left.set_xscale("log")
    left.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    left.set_xlabel("trained parameters")
    left.set_ylabel("mean IoU on val, %")
    right.set_xlabel("milliseconds per image")
    right.set_xlim(left=0)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    return figure


if __name__ == "__main__":
    main()
