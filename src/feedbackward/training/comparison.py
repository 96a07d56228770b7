"""Several trainings side by side: the options that differ, curves, scores by class and the same images."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from matplotlib.figure import Figure

from feedbackward.errors import InputError
from feedbackward.metrics.scores import percent
from feedbackward.training.pages import duration, inline, render_page
from feedbackward.training.panels import Panels
from feedbackward.training.run_folder import RunFolder
from feedbackward.viz.charts import Curve, inline_svg, plot_curves

_PLACES = ("run_dir", "ckpt_path", "trainer.default_root_dir", "trainer.logger")
"""Options that differ between any two runs and change nothing."""


@dataclass(frozen=True)
class Run:
    """A training that has finished at least one validation.

    Args:
        name: The name of its folder.
        folder: The folder.
        metrics: The content of metrics.json.
        options: The configuration, by dotted names.
    """

    name: str
    folder: RunFolder
    metrics: dict[str, Any]
    options: dict[str, Any]


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read run folders.

    Raises:
        InputError: If one is not a run folder or has no scores yet, or two have one name.
    """
    runs = []
    for path in paths:
        folder = RunFolder(path)
        for file in (folder.metrics, folder.config):
            if not file.is_file():
                raise InputError(f"{path} is not the folder of a training: {file.name} is missing")
        metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
        if metrics["best"] is None:
            raise InputError(f"the training in {path} has not been validated yet; compare it later")
        options = dict(_flat(yaml.safe_load(folder.config.read_text(encoding="utf-8"))))
        runs.append(Run(path.resolve().name, folder, metrics, options))
    names = [run.name for run in runs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two runs are named {repeated[0]}; rename one of the folders")
    return runs


def differing_options(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The values of each option that differs between the runs, by name; None where a run does not have it."""
    names = dict.fromkeys(name for run in runs for name in run.options if name not in _PLACES)
    values = {name: [run.options.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def render_comparison(runs: Sequence[Run], panels: Sequence[Mapping[str, Panels]]) -> str:
    """Render the comparison as one self-contained HTML file.

    Args:
        runs: The runs.
        panels: The scenes of each run by name; those that all runs have are shown.
    """
    best = [run.metrics["best"] for run in runs]
    classes = dict.fromkeys(name for scores in best for name in scores["names"])
    return render_page(
        "comparison.html.jinja",
        runs=runs,
        percent=percent,
        duration=duration,
        options=differing_options(runs),
        charts={
            "mean IoU on val, %": _chart(runs, "val/mean_iou", factor=100),
            "training loss": _chart(runs, "train/loss", factor=1),
        },
        classes={name: [scores["per_class"]["iou"].get(name) for scores in best] for name in classes},
        scenes={
            name: {
                "image": inline(panels[0][name].image, "jpeg"),
                "truth": inline(panels[0][name].truth, "png"),
                **{run.name: inline(of_run[name].prediction, "png") for run, of_run in zip(runs, panels, strict=True)},
            }
            for name in panels[0]
            if all(name in of_run for of_run in panels)
        },
    )


def _chart(runs: Sequence[Run], key: str, *, factor: float) -> str:
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = figure.subplots()
    plot_curves(
        axes,
        [
            Curve(
                label=run.name,
                points=[
                    (epoch["epoch"], epoch[key] * factor)
                    for epoch in run.metrics["curves"]
                    if epoch.get(key) is not None
                ],
            )
            for run in runs
        ],
    )
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    return inline_svg(figure)


def _flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
