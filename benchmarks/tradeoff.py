"""Draw mean IoU, from the results of a study, against time, from `feedbackward benchmark --json`.

    python benchmarks/tradeoff.py docs/performance/tradeoff.json docs/study/camvid_reduced docs/performance/tradeoff.svg

Networks that the study has not trained are left out, and named.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from matplotlib import colormaps
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.models import Feedbackward
from feedbackward.viz.charts import save_svg

MARKERS = "os^Dv"
Scores = dict[str, float]
"""The mean IoU of networks, from 0 to 1, by their configurations."""


def main(args: Sequence[str] | None = None) -> None:
    """Draw the figure that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=Path, help="JSON file of `feedbackward benchmark --json`")
    parser.add_argument("study", type=Path, help="folder of the study's results, a JSON file for each training")
    parser.add_argument("figure", type=Path, help="SVG file to write")
    options = parser.parse_args(args)
    try:
        times = json.loads(options.times.read_text(encoding="utf-8"))["results"]
        for name in draw_tradeoff(times, read_scores(options.study), options.figure):
            print(f"left out, the study has no score of it: {name}")
    except InputError as error:
        sys.exit(f"error: {error}")


def read_scores(folder: Path) -> Scores:
    """The mean IoU of each network of a study at the last epoch: the mean over the seeds, of its best row.

    Args:
        folder: Folder of the results that `benchmarks/study` has written.

    Raises:
        InputError: If there are none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder} has no results of a study (*.json)")
    found: dict[str, dict[str, list[float]]] = {}
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        score = result["last"]["scalars"]["mean_iou"]
        found.setdefault(_key(result["network"]), {}).setdefault(result["row"], []).append(score)
    return {key: max(map(mean, by_row.values())) for key, by_row in found.items()}


def _key(config: dict[str, Any]) -> str:
    """A network's configuration as JSON, without the number of classes, which differs between study and benchmark."""
    return json.dumps({key: value for key, value in config.items() if key != "classes"}, sort_keys=True)


def _candidate(name: str) -> str:
    """The key of a benchmark's network; its output stride is the one that the network chose."""
    with torch.device("meta"):
        network = create_candidate(name)
    config = dict(network.config)
    if isinstance(network, Feedbackward) and config["decoder"]["output_stride"] == "auto":
        config["decoder"] = {**config["decoder"], "output_stride": network.decoder_graph().stride}
    return _key(config)


def draw_tradeoff(times: Iterable[dict[str, Any]], scores: Scores, path: Path) -> list[str]:
    """Draw mean IoU against milliseconds per image: a color for each network, a marker for each runtime.

    Args:
        times: The results in the JSON file of `feedbackward benchmark`.
        scores: The result of read_scores.
        path: The SVG file to write.

    Returns:
        The names of the networks that have no score; they are left out.

    Raises:
        InputError: If none of them has a score, or the file cannot be written.
    """
    missing, points = dict[str, None](), list[tuple[float, dict[str, Any]]]()
    for result in times:
        score = scores.get(_candidate(result["name"]))
        if score is None:
            missing[result["name"]] = None
        else:
            points.append((100 * score, result))
    if not points:
        raise InputError("the study has no score of any of these networks; benchmark networks that it has trained")
    points.sort(key=itemgetter(0), reverse=True)
    colors = _numbered(result["name"] for _, result in points)
    markers = _numbered(result["runtime"] for _, result in points)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    for score, result in points:
        axes.scatter(
            1e3 / result["images_per_second"],
            score,
            color=colormaps["tab20"](colors[result["name"]] % 20),
            marker=MARKERS[markers[result["runtime"]] % len(MARKERS)],
            label=f"{score:.1f}  {result['name']}, {result['runtime']}",
        )
    axes.set_xlabel("milliseconds per image")
    axes.set_ylabel("mean IoU in the study, %")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small", title="mean IoU, network, runtime")
    write_whole(path, partial(save_svg, figure))
    return list(missing)


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


if __name__ == "__main__":
    main()
