"""The curves of a study: validation mean IoU against the epoch, a panel for each question."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from runs import Run, load

from feedbackward.writing import write_whole


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Draw the first seed's curve of each row.

    Args:
        runs: Those that have a result, those of a group side by side.
        path: The SVG file to write.
    """
    first = list({run.row: run for run in reversed(runs)}.values())[::-1]
    groups = [(group, list(of_group)) for group, of_group in groupby(first, key=lambda run: run.row.group)]
    figure = Figure(figsize=(5.5 * max(1, len(groups)), 5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(1, max(1, len(groups)), sharey=True, squeeze=False)[0]
    for axis, (group, of_group) in zip(axes, groups, strict=False):
        for run in of_group:
            curve = [epoch for epoch in load(run)["curves"] if "val/mean_iou" in epoch]
            axis.plot(
                [epoch["epoch"] for epoch in curve],
                [100 * epoch["val/mean_iou"] for epoch in curve],
                label=run.row.title,
            )
        axis.set_title(group)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small", loc="lower right")
    axes[0].set_ylabel("mean IoU on val, %")
    write_whole(path, lambda file: figure.savefig(file, format="svg", metadata={"Date": None}))
