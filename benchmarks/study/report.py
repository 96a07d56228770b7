"""The tables and figures of a study, from the results of its runs."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from plan import Group
from runs import Run, load, minutes

from feedbackward.cli.main import main
from feedbackward.io import write_text
from feedbackward.models.builders import NETWORKS
from feedbackward.models.costs import flops, parameters

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


def write_cityscapes(rows: Sequence[Sequence[Run]], *, data: Path, path: Path, say: Callable[[str], object]) -> None:
    """Write the paper's Table 1 with our scores below each of its rows, and the submissions for the Cityscapes server.

    Args:
        rows: The runs of each row by seed.
        data: Folder of the data set; its test images, if there are any, are predicted.
        path: The file to write.
        say: Called with a line for each network that a submission needs and that no longer exists.
    """
    lines = _header("network", *SCORES.values(), "parameters")
    for runs in rows:
        row = runs[0].row
        assert row.published is not None
        lines.append(f"| {row.title}, published (test) | {_cells(row.published)} | |")
        results = [load(run) for run in runs]
        count, seeds = f"{results[0]['parameters'] / 1e6:.1f}M", ", ".join(str(run.seed) for run in runs)
        for title, scores in _scored(runs, results, "best"):
            ours = _mean_scores(score["scalars"] for score in scores)
            cells = _cells(ours[name] for name in SCORES)
            lines.append(f"| {title}, ours (val, seed {seeds}) | {cells} | {count} |")
    lines += ["", NOTE]
    write_text(path, "\n".join(lines) + "\n")
    if (data / "leftImg8bit" / "test").is_dir():
        for run, *_ in rows:
            network = run.folder / "model"
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


def write_group(group: Group, rows: Sequence[Sequence[Run]], *, path: Path) -> None:
    """Write the table of a group: scores on val at the last epoch, means over the seeds.

    Args:
        group: The group.
        rows: The runs of each of its rows by seed.
        path: The file to write.
    """
    lines = [f"Images of {group.size[0]}x{group.size[1]}.", ""]
    lines += _header("network", "trained parameters", "GFLOPs", "learning rate", "mean IoU", "by seed", "minutes")
    for runs in rows:
        results = [load(run) for run in runs]
        network = build(results[0])
        trained = sum(parameters(network, trainable=True).values())
        costs = f"{trained:,}", f"{flops(network, group.size) / 1e9:.2f}"
        took = f"{mean(map(minutes, results)):.0f}"
        for title, scores in _scored(runs, results, "last"):
            last = [100 * score["scalars"]["mean_iou"] for score in scores]
            by_seed = ", ".join(f"{value:.1f}" for value in last)
            cells = (title, *costs, str(runs[0].rate), f"**{mean(last):.1f}**", by_seed, took)
            lines.append(f"| {' | '.join(cells)} |")
    write_text(path, "\n".join(lines) + "\n")


def _scored(
    runs: Sequence[Run], results: Sequence[dict[str, Any]], epoch: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Title and scores by seed of the network, and of the network with CRF if it was scored."""
    row = runs[0].row
    scored = [(row.title, [result[epoch] for result in results])]
    if row.crf is not None:
        scored.append((f"{row.title}, CRF", [result["crf"] for result in results]))
    return scored


def _mean_scores(by_seed: Iterable[dict[str, float | None]]) -> dict[str, float | None]:
    """The mean of each score over the seeds that have a value, in percent."""
    listed = list(by_seed)
    present = {name: [scores[name] for scores in listed if scores[name] is not None] for name in listed[0]}
    return {name: 100 * mean(values) if values else None for name, values in present.items()}


def build(result: dict[str, Any]) -> Any:
    """The network of a result, on the meta device."""
    config = {key: value for key, value in result["network"].items() if key != "preprocessing"}
    with torch.device("meta"):
        return NETWORKS[config["model"]].from_config(config).eval()


def _header(*columns: str) -> list[str]:
    """The header of a table: names on the left, then numbers."""
    return [f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]


def _cells(values: Iterable[float | None]) -> str:
    return " | ".join("-" if value is None else f"{value:.1f}" for value in values)
