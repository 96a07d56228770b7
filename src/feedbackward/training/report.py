"""The report of a training: one self-contained HTML file."""

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.metrics.scores import TITLES, percent
from feedbackward.training.panels import Panels
from feedbackward.viz.charts import Curve, inline_svg, plot_curves
from feedbackward.viz.pictures import RIGHT, UNCOUNTED, VOID_COLOR, WRONG, Picture

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def render_report(
    metrics: dict[str, Any],
    *,
    table: ClassTable,
    panels: dict[str, Panels],
    config: str,
    versions: dict[str, Any],
) -> str:
    """Render the report as HTML.

    Args:
        metrics: The content of metrics.json.
        table: The classes.
        panels: Scenes of the validation set, predicted by the best network, by name.
        config: The full configuration.
        versions: The content of versions.json.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    best = metrics["best"]
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        metrics=metrics,
        best=best,
        titles=TITLES,
        percent=percent,
        duration=_duration(metrics["training_seconds"]),
        colors=[f"rgb{color}" for color in table.colors],
        charts=_charts(metrics["curves"], best["epoch"]),
        confusion=_confusion(best["confusion"]),
        panels={
            name: {
                "image": _inline(scene.image, "jpeg"),
                "truth": _inline(scene.truth, "png"),
                "prediction": _inline(scene.prediction, "png"),
                "errors": _inline(scene.errors, "png"),
            }
            for name, scene in panels.items()
        },
        void=f"rgb{VOID_COLOR}",
        verdicts={"right": f"rgb{RIGHT}", "wrong": f"rgb{WRONG}", "void": f"rgb{UNCOUNTED}"},
        config=config,
        versions=versions,
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _inline(picture: Picture, kind: str) -> str:
    """Encode a picture as a data: URL: photographs as JPEG; masks as PNG, which is smaller and keeps their colors."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=85, optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


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
