"""Trains the rows of a study in several processes, each on one thread, and keeps their results."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from plan import Row, best_rates

from feedbackward.errors import InputError
from feedbackward.io import write_text
from feedbackward.training.recipes import find_recipe
from feedbackward.training.run_folder import RunFolder

TRAIN = Path(__file__).with_name("train.py")
RECIPE_FILE = "recipe.json"
"""The file in a run folder with the recipe and the arguments that made it."""


@dataclass(frozen=True)
class Run:
    """One row from one seed.

    Args:
        row: The row to train.
        seed: The random seed.
        arguments: Arguments of `feedbackward fit` after those of the row.
        folder: The run folder, with checkpoints and logs.
        result: The file of the result.
    """

    row: Row
    seed: int
    arguments: tuple[str, ...]
    folder: Path
    result: Path

    @property
    def name(self) -> str:
        """Row and seed."""
        return f"{self.row.name}_seed{self.seed}"

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that the result depends on: the content of the recipe, and the arguments."""
        content = yaml.safe_load(find_recipe(self.row.recipe).read_text())
        return {"recipe": content, "arguments": [*self.row.arguments, *self.arguments], "crf": self.row.crf}


def plan_runs(
    rows: Iterable[Row], arguments: Sequence[str], *, seeds: Sequence[int], folder: Path, results: Path
) -> list[Run]:
    """The runs of all rows from the first seed, then from the next one.

    Raises:
        InputError: If one of them has a result of another recipe or other arguments.
    """
    runs = [
        Run(row, seed, tuple(arguments), folder / f"{row.name}_seed{seed}", results / f"{row.name}_seed{seed}.json")
        for seed in seeds
        for row in rows
    ]
    for run in runs:
        for made in (run.result, run.folder / RECIPE_FILE):
            if made.exists() and json.loads(made.read_text())["made_by"] != run.recipe:
                raise InputError(
                    f"{made} was made with another recipe or other arguments than the study has now; "
                    f"remove it, and {run.folder} if it exists, to train it again, "
                    f"or choose other folders with --results and --output"
                )
    return runs


def at_best_rates(runs: Iterable[Run]) -> dict[str, Row]:
    """For each network with a result the row at its better learning rate.

    Args:
        runs: Runs of the first seed, whose results decide.
    """
    finished = [run for run in runs if run.result.exists()]
    return best_rates({run.row: load(run)["last"]["scalars"]["mean_iou"] for run in finished})


def train(runs: Sequence[Run], *, data: Path, processes: int, say: Callable[[str], object]) -> list[str]:
    """Train the runs that have no result yet, and resume those that were interrupted.

    Args:
        runs: The runs, in the order in which they start.
        data: Folder of the data set.
        processes: Number of trainings at a time.
        say: Called with a line for each run that ends.

    Returns:
        The names of the runs that failed; their logs say why.
    """
    failed = []

    def one(run: Run) -> None:
        if train_run(run, data):
            say(f"{run.name}: {summary(run)}")
        else:
            failed.append(run.name)
            say(f"{run.name}: failed, see {run.folder / 'log.txt'}")

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(one, [run for run in runs if not run.result.exists()]))
    return failed


def train_run(run: Run, data: Path) -> bool:
    """Train one run, or finish it, and write its result; return whether that succeeded."""
    folder = RunFolder(run.folder)
    if not folder.report.exists() and not _fit(run, data, folder):
        return False
    metrics = json.loads(folder.metrics.read_text())
    facts = {"row": run.row.name, "made_by": run.recipe, "machine": json.loads(folder.versions.read_text())}
    if run.row.crf is not None:
        refined = run.folder / "crf.json"
        command = ["--config", str(folder.config), "--ckpt_path", run.row.crf, "--model.crf", "DenseCRF"]
        if not run_command(["validate", *command, "--json", str(refined)], run.folder):
            return False
        metrics["crf"] = json.loads(refined.read_text())
    for scores in ("best", "last", "crf"):
        for matrix in ("confusion", "label_confusion"):
            metrics.get(scores, {}).pop(matrix, None)
    write_text(run.result, json.dumps(facts | metrics) + "\n")
    return True


def _fit(run: Run, data: Path, folder: RunFolder) -> bool:
    last = (folder.checkpoints / "last.ckpt").exists()
    if not last and run.folder.exists():  # interrupted during the first epoch
        shutil.rmtree(run.folder)
    write_text(run.folder / RECIPE_FILE, json.dumps({"made_by": run.recipe}) + "\n")
    command = ["--config", run.row.recipe, "--trainer.devices", "1", "--data.root", str(data)]
    command += [*run.row.arguments, *run.arguments, "--run_dir", str(run.folder), "--seed_everything", str(run.seed)]
    return run_command(["fit", *command, *(("--ckpt_path", "last") if last else ())], run.folder)


def run_command(arguments: Sequence[str], folder: Path) -> bool:
    """Run a command of feedbackward on one thread with its output in the folder's log; return whether it succeeded."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("a") as log:
        command = [sys.executable, str(TRAIN), *arguments]
        return subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode == 0


def summary(run: Run) -> str:
    """The mean IoU at the last epoch and the training time of a run with a result."""
    result = load(run)
    return f"mean IoU {100 * result['last']['scalars']['mean_iou']:.1f}, {minutes(result):.0f} min"


def minutes(result: dict[str, Any]) -> float:
    """Training time: the median epoch times the number of epochs, so that pauses and other load count little."""
    return median(epoch["seconds"] for epoch in result["curves"]) * len(result["curves"]) / 60


def load(run: Run) -> dict[str, Any]:
    """The result of a run."""
    result: dict[str, Any] = json.loads(run.result.read_text())
    return result
