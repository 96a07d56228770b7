"""Accuracy against time: the networks of a race at the scores that a study has given them."""

import json
from collections.abc import Iterable
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from matplotlib import colormaps
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from feedbackward.benchmark.latency import Result
from feedbackward.benchmark.peers import SmpNetwork
from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.models import MODELS, SegmentationNetwork, create_model
from feedbackward.viz.charts import save_svg

MARKS = "os^Dv"
Scores = list[tuple[dict[str, Any], float]]
"""Configurations of networks without their number of classes, and the mean IoU of each."""


def read_scores(folder: Path) -> Scores:
    """The mean IoU of each network of a study, over its seeds, from the last epoch, in the row that has the highest.

    Args:
        folder: Of the results that `benchmarks/study` has written, a JSON file for each training.

    Raises:
        InputError: If there are none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder}: there are no results of a study (*.json) in it")
    found: dict[str, dict[str, list[float]]] = {}
    for file in files:
        result = json.loads(file.read_text())
        network = _network(result["model"], result["options"])
        if network is not None:
            key = json.dumps(configuration(network), sort_keys=True)
            score = result["last"]["scalars"]["mean_iou"]
            found.setdefault(key, {}).setdefault(result["row"], []).append(score)
    return [(json.loads(key), max(map(mean, by_row.values()))) for key, by_row in found.items()]


def _network(model: str, options: dict[str, Any]) -> SegmentationNetwork | None:
    """The network of a result, without data; None for those that only the study has."""
    try:
        with torch.device("meta"):
            if model == "smp":
                return SmpNetwork(**options, encoder_weights=None)
            return create_model(model, encoder_weights=None, **options) if model in MODELS else None
    except InputError:  # an encoder that only the study has
        return None


def configuration(network: SegmentationNetwork) -> dict[str, Any]:
    """What a network is, whatever it has been trained for."""
    config: dict[str, Any] = json.loads(json.dumps(network.config))
    return {key: value for key, value in config.items() if key != "classes"}


def draw_tradeoff(results: Iterable[tuple[Result, dict[str, Any]]], scores: Scores, path: Path) -> list[str]:
    """Draw mean IoU against the time of an image: a color for each network, a mark for each runtime.

    Args:
        results: Those of a race, each with its network's configuration.
        scores: What read_scores has found.
        path: The SVG file to write.

    Returns:
        The names of the networks that the study has no score of; they are left out.

    Raises:
        InputError: If it has none of any of them, or the file cannot be written.
    """
    missing, points = dict[str, None](), list[tuple[float, Result]]()
    for result, config in results:
        score = next((score for known, score in scores if known == config), None)
        if score is None:
            missing[result.name] = None
        else:
            points.append((100 * score, result))
    if not points:
        raise InputError("the study has no score of any of these networks; race some that it has trained")
    points.sort(key=itemgetter(0), reverse=True)
    colors = _numbered(result.name for _, result in points)
    marks = _numbered(result.runtime for _, result in points)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axis = figure.subplots()
    for score, result in points:
        color = colormaps["tab20"](colors[result.name] % 20)
        label = f"{score:.1f}  {result.name}, {result.runtime}"
        mark = MARKS[marks[result.runtime] % len(MARKS)]
        axis.scatter(1e3 / result.images_per_second, score, color=color, marker=mark, label=label)
    axis.set_xlabel("milliseconds an image")
    axis.set_ylabel("mean IoU of the study, %")
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small", title="mean IoU, network, runtime")
    write_whole(path, partial(save_svg, figure))
    return list(missing)


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}
