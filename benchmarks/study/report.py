"""The tables and figures of a study, from the results of its runs."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from figures import draw_curves, draw_predictions
from plan import CLAIMS, PICTURED, SIZES, VGGS, Form, Row
from runs import Run, at_best_rates, load, minutes

from feedbackward.cli.main import main
from feedbackward.io import write_text
from feedbackward.models.builders import NETWORKS
from feedbackward.models.costs import flops

SCORES = {
    "mean_iou": "IoU class",
    "iiou_class": "iIoU class",
    "iou_category": "IoU category",
    "iiou_category": "iIoU category",
}

NOTE = (
    "Ours: best epoch on val, mean over the seeds, one recipe for all networks, fine annotations. Published: test "
    "split; each network trained by its own authors, DeepLab-LargeFOV with 19,998 additional coarse images and its CRF."
)

SHIFTED = "Trained with shifted masks, to be measured again."


def write_cityscapes(runs: Sequence[Run], *, data: Path, path: Path, say: Callable[[str], object]) -> None:
    """Write the paper's Table 1 with our scores below each of its rows, and the submissions for the Cityscapes server.

    Args:
        runs: Runs with a result, in the order of the plan.
        data: Folder of the data set; its test images, if there are any, are predicted.
        path: The file to write.
        say: Called with a line for each network that a submission needs and that no longer exists.
    """
    lines = _header("network", *SCORES.values(), "parameters")
    for row, of_row in _by_row(runs):
        assert row.published is not None
        lines.append(f"| {row.title}, published (test) | {_cells(row.published)} | |")
        results = [load(run) for run in of_row]
        parameters, seeds = f"{results[0]['parameters'] / 1e6:.1f}M", ", ".join(str(run.seed) for run in of_row)
        for title, scores in _scored(row, results, "best"):
            ours = _mean_scores(score["scalars"] for score in scores)
            cells = _cells(ours[name] for name in SCORES)
            lines.append(f"| {title}, ours (val, seed {seeds}) | {cells} | {parameters} |")
    lines += ["", NOTE]
    write_text(path, "\n".join(lines) + "\n")
    if (data / "leftImg8bit" / "test").is_dir():
        for _, of_row in _by_row(runs):
            run, network = of_row[0], of_row[0].folder / "model"
            if not network.is_dir():
                say(f"no submission of {run.name}: {network} does not exist; remove {run.result} to train it again")
            elif not (run.folder / "test" / "submission.zip").exists():
                _submit(run, data)


def _submit(run: Run, data: Path) -> None:
    """Predict the test images of Cityscapes, in the layout of the Cityscapes server."""
    output, source = run.folder / "test", data / "leftImg8bit" / "test"
    crf = () if run.row.crf is None else ("--crf",)
    arguments = [str(run.folder / "model"), str(source), "--output", str(output)]
    main(["predict", *arguments, "--save", "submission", "--overwrite", *crf])


def write_camvid(runs: Sequence[Run], *, form: Form, data: Path, path: Path) -> None:
    """Write the table of the CamVid study (scores on val at the last epoch, means over the seeds), curves and pictures.

    Args:
        runs: Runs with a result, in the order of the plan.
        form: The form of the study that they belong to.
        data: Folder of CamVid.
        path: The file to write; the figures are written to the same folder.
    """
    size = SIZES[form]
    lines = [f"The {form} form: images of {size[0]}x{size[1]}; the networks on VGG-16 have `{VGGS[form]}`.", ""]
    classes, means = [], dict[Row, float]()
    first = [run for run in runs if run.seed == runs[0].seed]
    better = at_best_rates(first)
    marks = {group: _mark(of_group) for group, of_group in groupby(runs, key=lambda run: run.row.group)}
    for group, rows in groupby(_by_row(runs), key=lambda pair: pair[0].group):
        lines += [f"### {group}", "", *marks[group]]
        lines += _header("network", "parameters", "GFLOPs", "mean IoU", "by seed", "minutes")
        for row, of_row in rows:
            results = [load(run) for run in of_row]
            means[row] = mean(result["last"]["scalars"]["mean_iou"] for result in results)
            costs = f"{results[0]['parameters'] / 1e6:.2f}M", f"{_gflops(results[0], size):.2f}"
            took = f"{mean(map(minutes, results)):.0f}"
            for title, scores in _scored(row, results, "last"):
                last = [100 * score["scalars"]["mean_iou"] for score in scores]
                by_seed = ", ".join(f"{value:.1f}" for value in last)
                cells = (title, *costs, f"**{mean(last):.1f}**", by_seed, took)
                lines.append(f"| {' | '.join(cells)} |")
                classes.append((group, title, _mean_scores(score["per_class"]["iou"] for score in scores)))
        lines.append("")
    lines += _claims(means, better, mark=_mark(runs))
    lines += ["### By class"]
    for group, scored in groupby(classes, key=itemgetter(0)):
        lines += ["", f"{group}:", "", *marks[group], *_header("network", *classes[0][2])]
        lines += [f"| {title} | {_cells(scores.values())} |" for _, title, scores in scored]
    curves, pictures = path.with_suffix(".svg"), path.with_suffix(".jpg")
    draw_curves(runs, curves)
    lines += ["", "### Curves", "", *_mark(runs), f"![Mean IoU on val by epoch]({curves.parent.name}/{curves.name})"]
    shown = [better.get(name) for name in PICTURED]
    with_network = [run for row in shown for run in first if run.row == row and (run.folder / "model").is_dir()]
    if with_network:
        draw_predictions(with_network, data=data, path=pictures)
    if pictures.exists():  # it may come from a machine that has the networks
        lines += ["", "### Predictions", "", *_mark(runs), "Each network's best epoch, from the first seed.", ""]
        lines.append(f"![Frames of val]({pictures.parent.name}/{pictures.name})")
    write_text(path, "\n".join(lines) + "\n")


def _mark(runs: Iterable[Run]) -> list[str]:
    """A line above what was measured before networks knew how images are resized: masks of training were shifted."""
    shifted = any("resize" not in load(run)["network"]["preprocessing"] for run in runs)
    return [SHIFTED, ""] if shifted else []


def _by_row(runs: Sequence[Run]) -> list[tuple[Row, list[Run]]]:
    return [(row, [run for run in runs if run.row == row]) for row in dict.fromkeys(run.row for run in runs)]


def _scored(row: Row, results: Sequence[dict[str, Any]], epoch: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Title and scores by seed of the network, and of the network with CRF if it was scored."""
    scored = [(row.title, [result[epoch] for result in results])]
    if row.crf is not None:
        scored.append((f"{row.title}, CRF", [result["crf"] for result in results]))
    return scored


def _mean_scores(by_seed: Iterable[dict[str, float | None]]) -> dict[str, float | None]:
    """The mean of each score over the seeds that have a value, in percent."""
    listed = list(by_seed)
    present = {name: [scores[name] for scores in listed if scores[name] is not None] for name in listed[0]}
    return {name: 100 * mean(values) if values else None for name, values in present.items()}


def _claims(means: dict[Row, float], better: dict[str, Row], *, mark: list[str]) -> list[str]:
    """The table of the paper's claims beside ours, from the mean IoU of each row and the better row of each network.

    Once for the paper's networks, and once for those with output_stride=1.
    """

    def lead(ahead: str, behind: str) -> str:
        if ahead not in better:
            return "-"
        return f"{100 * (means[better[ahead]] / means[better[behind]] - 1):+.1f} %"

    lines = []
    for ahead, behind, claim in CLAIMS:
        if ahead in better and behind in better:
            nearer = f"{behind}_1" if f"{behind}_1" in better else behind
            cells = (f"{claim:+.1f} %", lead(ahead, behind), lead(f"{ahead}_1", nearer))
            lines.append(f"| {better[ahead].title} over {better[behind].title} | {' | '.join(cells)} |")
    head = _header("mean IoU", "in the paper", "here", "here, output_stride=1")
    return ["### The paper's claims", "", *mark, *head, *lines, ""] if lines else []


def _gflops(result: dict[str, Any], size: tuple[int, int]) -> float:
    config = {key: value for key, value in result["network"].items() if key != "preprocessing"}
    with torch.device("meta"):
        network = NETWORKS[config["model"]].from_config(config)
    return flops(network.eval(), size) / 1e9


def _header(*columns: str) -> list[str]:
    """The header of a table: names on the left, then numbers."""
    return [f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]


def _cells(values: Iterable[float | None]) -> str:
    return " | ".join("-" if value is None else f"{value:.1f}" for value in values)
