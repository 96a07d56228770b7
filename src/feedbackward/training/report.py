"""The report of a training: one self-contained HTML file."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from feedbackward.classes import ClassTable
from feedbackward.metrics.scores import TITLES, percent
from feedbackward.training.panels import Panels
from feedbackward.viz.charts import Curve, inline_svg, plot_curves
from feedbackward.viz.pages import duration, inline, render_page
from feedbackward.viz.pictures import RIGHT, UNCOUNTED, VOID_COLOR, WRONG


def render_report(
    metrics: dict[str, Any],
    *,
    facts: Sequence[str],
    table: ClassTable,
    panels: dict[str, Panels],
    worst: Sequence[tuple[str, float, Panels]],
    by_size: dict[str, Any],
    config: str,
    versions: dict[str, Any],
) -> str:
    """Render the report as HTML.

    Args:
        metrics: The content of metrics.json.
        facts: Sentences about the training.
        table: The classes.
        panels: Scenes of the validation set, predicted by the best network, by name.
        worst: The validation images with the lowest mean IoU: name, mean IoU from 0 to 1, and pictures.
        by_size: See Scores.by_size.
        config: The full configuration.
        versions: The content of versions.json.
    """
    best = metrics["best"]
    return render_page(
        Path(__file__).with_name("report.html.jinja"),
        metrics=metrics,
        facts=facts,
        best=best,
        titles=TITLES,
        percent=percent,
        duration=duration(metrics["training_seconds"]),
        colors=[f"rgb{color}" for color in table.colors],
        charts=_charts(metrics["curves"], best["epoch"]),
        confusion=_confusion(best["confusion"]),
        panels={name: _pictures(scene) for name, scene in panels.items()},
        worst=[(name, score, _pictures(scene)) for name, score, scene in worst],
        by_size=by_size,
        void=f"rgb{VOID_COLOR}",
        verdicts={"right": f"rgb{RIGHT}", "wrong": f"rgb{WRONG}", "void": f"rgb{UNCOUNTED}"},
        config=config,
        versions=versions,
    )


def _pictures(scene: Panels) -> dict[str, str]:
    kinds = {"image": "jpeg", "truth": "png", "prediction": "png", "errors": "png"}
    return {name: inline(getattr(scene, name), kind) for name, kind in kinds.items()}


def _confusion(counts: Sequence[Sequence[int]]) -> list[list[dict[str, Any]]]:
    """Divide each row by its number of true pixels; the square root in the shade makes rare confusions visible."""
    shares = [[count / (sum(row) or 1) for count in row] for row in counts]
    return [[{"share": share, "shade": round(math.sqrt(share), 3)} for share in row] for row in shares]


def _charts(curves: list[dict[str, Any]], best_epoch: int) -> list[dict[str, str]]:
    losses = {"train": "train/loss", "validation": "val/loss"}
    scores = {
        title: f"val/{name}" for name, title in TITLES.items() if any(f"val/{name}" in record for record in curves)
    }
    return [
        {"title": "Loss", "svg": _chart(curves, losses, best_epoch, factor=1.0)},
        {"title": "Validation scores, %", "svg": _chart(curves, scores, best_epoch, factor=100.0)},
    ]


def _chart(epochs: list[dict[str, Any]], lines: dict[str, str], best_epoch: int, *, factor: float) -> str:
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.subplots()
    curves = [
        Curve(
            label=label,
            points=[(epoch["epoch"], epoch[key] * factor) for epoch in epochs if epoch.get(key) is not None],
        )
        for label, key in lines.items()
    ]
    plot_curves(axes, curves)
    axes.axvline(best_epoch, color="#888", linewidth=1, linestyle=":", label="best epoch")
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=4)
    return inline_svg(figure)
