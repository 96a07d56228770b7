"""The tables and figures of a study, from the results that its runs have left."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from figures import draw_curves, draw_predictions
from plan import SIZES, Form, Row
from runs import Run, call, load

from feedbackward.models import create_model
from feedbackward.models.costs import flops
from feedbackward.writing import write_whole

SCORES = {
    "mean_iou": "IoU class",
    "iiou_class": "iIoU class",
    "iou_category": "IoU category",
    "iiou_category": "iIoU category",
}

NOTE = (
    "Ours: the best epoch on val, one recipe for all, fine annotations, no CRF. Published: the test split; "
    "DeepLab-LargeFOV there with 19,998 coarse images more and its CRF; each network as its own authors trained it."
)


def write_cityscapes(runs: Sequence[Run], *, data: Path, path: Path) -> None:
    """The paper's Table 1 with a row of ours below each of its own, and the submissions to the benchmark's server.

    Args:
        runs: Those that have a result.
        data: The data set; its test images are predicted, where it has some.
        path: The file to write.
    """
    lines = [
        f"| network | {' | '.join(SCORES.values())} | parameters |",
        "| --- |" + " ---: |" * (len(SCORES) + 1),
    ]
    for row, of_row in _by_row(runs):
        assert row.published is not None
        lines.append(f"| {row.title}, published (test) | {_cells(row.published)} | |")
        results = [load(run) for run in of_row]
        ours = [100 * mean(result["best"]["scalars"][score] for result in results) for score in SCORES]
        lines.append(f"| {row.title}, ours (val) | {_cells(ours)} | {results[0]['parameters'] / 1e6:.1f}M |")
    lines += ["", NOTE]
    _write(path, lines)
    if (data / "leftImg8bit" / "test").is_dir():
        for _, of_row in _by_row(runs):
            _submit(of_row[0], data)


def _submit(run: Run, data: Path) -> None:
    """Predict the test images of Cityscapes at half their size, as files that the benchmark's server takes."""
    output = run.folder / "test"
    if (output / "submission.zip").exists():
        return
    source = data / "leftImg8bit" / "test"
    arguments = ["--model", str(run.folder / "model"), "--source", str(source), "--output", str(output)]
    layout = ["--layout", "cityscapes", "--scale", "0.5", "--no-overlays", "--zip", "--overwrite"]
    if not call(["predict", *arguments, *layout], run.folder):
        raise SystemExit(f"{run.name}: its test images could not be predicted, see {run.folder / 'log.txt'}")


def write_camvid(runs: Sequence[Run], *, form: Form, data: Path, path: Path) -> None:
    """The table of the CamVid study: scores on val at the last epoch, means over the seeds; its curves and pictures.

    Args:
        runs: Those that have a result.
        form: At which width and size they were trained.
        data: CamVid.
        path: The file to write; the figures come beside it.
    """
    size = SIZES[form]
    header = ("network", "parameters", "GFLOPs", "mean IoU", "by seed", "best epoch", "minutes")
    lines, classes = [], []
    for group, rows in groupby(_by_row(runs), key=lambda pair: pair[0].group):
        lines += [f"### {group}", "", f"| {' | '.join(header)} |", "| --- |" + " ---: |" * (len(header) - 1)]
        for row, of_row in rows:
            results = [load(run) for run in of_row]
            last = [100 * result["last"]["scalars"]["mean_iou"] for result in results]
            best = mean(100 * result["best"]["scalars"]["mean_iou"] for result in results)
            cells = (
                row.title,
                f"{results[0]['parameters'] / 1e6:.2f}M",
                f"{_gflops(results[0], size):.2f}",
                f"**{mean(last):.1f}**",
                ", ".join(f"{value:.1f}" for value in last),
                f"{best:.1f}",
                f"{mean(result['training_seconds'] for result in results) / 60:.0f}",
            )
            lines.append(f"| {' | '.join(cells)} |")
            classes.append((row.title, group, _per_class(results)))
        lines.append("")
    names = list(classes[0][2]) if classes else []
    lines += ["### By class", "", f"| network | {' | '.join(names)} |", "| --- |" + " ---: |" * len(names)]
    lines += [f"| {title} ({group}) | {_cells(scores.values())} |" for title, group, scores in classes]
    _write(path, lines)
    if not runs:
        return
    draw_curves(runs, path.with_suffix(".svg"))
    shown = [run for run in runs if run.row.group == runs[0].row.group and run.seed == runs[0].seed]
    with_network = [run for run in shown if (run.folder / "model").is_dir()]
    if with_network:
        draw_predictions(with_network, data=data, size=size, path=path.with_suffix(".jpg"))


def _by_row(runs: Sequence[Run]) -> list[tuple[Row, list[Run]]]:
    return [(row, [run for run in runs if run.row == row]) for row in dict.fromkeys(run.row for run in runs)]


def _per_class(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    by_seed = [result["last"]["per_class"]["iou"] for result in results]
    return {name: 100 * mean(scores[name] or 0.0 for scores in by_seed) for name in by_seed[0]}


def _gflops(result: dict[str, Any], size: tuple[int, int]) -> float:
    with torch.device("meta"):
        network = create_model(
            result["model"], classes=len(result["last"]["names"]), encoder_weights=None, **result["options"]
        )
    return flops(network.eval(), size) / 1e9


def _cells(values: Iterable[float]) -> str:
    return " | ".join(f"{value:.1f}" for value in values)


def _write(path: Path, lines: Sequence[str]) -> None:
    write_whole(path, lambda file: file.write(("\n".join(lines) + "\n").encode()))
