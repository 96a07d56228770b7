"""Trains the rows of a study in several processes, each on one thread, and keeps their results."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from plan import STUDY, WEIGHTS, Row

from feedbackward.errors import InputError
from feedbackward.io import write_text
from feedbackward.training.recipes import find_recipe
from feedbackward.training.run_folder import RunFolder

TRAIN = Path(__file__).with_name("train.py")
RECIPE_FILE = "recipe.json"
"""The file in a run folder with the recipe and the arguments that made it."""


@dataclass(frozen=True)
class Folders:
    """Where a study reads and writes.

    Args:
        data: Folder of the data set, or of the folders of all data sets.
        weights: Folder of the files of ImageNet weights.
        output: Folder of the run folders.
        results: Folder of the results.
    """

    data: Path
    weights: Path
    output: Path
    results: Path


@dataclass(frozen=True)
class Run:
    """One row at one learning rate from one seed.

    Args:
        row: The row to train.
        rate: The learning rate; None for the recipe's own.
        seed: The random seed.
        more: Arguments of `feedbackward fit` after those of the row.
        folders: The folders of the study.
    """

    row: Row
    rate: str | None
    seed: int
    more: tuple[str, ...]
    folders: Folders

    @property
    def name(self) -> str:
        """Row, learning rate and seed."""
        return "_".join((self.row.name, *([] if self.rate is None else [f"lr{self.rate}"]), f"seed{self.seed}"))

    @property
    def folder(self) -> Path:
        """The run folder, with checkpoints and logs."""
        return self.folders.output / self.name

    @property
    def result(self) -> Path:
        """The file of the result."""
        return self.folders.results / f"{self.name}.json"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `feedbackward fit` after the recipe."""
        rate = () if self.rate is None else ("--model.optimizer.lr", self.rate)
        return (*self.row.arguments, *rate, *self.more)

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that the result depends on: the content of the recipe, and the arguments."""
        content = yaml.safe_load(find_recipe(self.row.recipe).read_text())
        images = {} if self.row.images is None else {"images": self.row.images}
        return {"recipe": content, "arguments": [*self.arguments], "crf": self.row.crf, **images}


def first_runs(row: Row, more: Sequence[str], folders: Folders) -> list[Run]:
    """The runs of a row from the first seed, at each of its learning rates.

    Raises:
        InputError: If one of them has a result of another recipe or other arguments.
    """
    return _checked([Run(row, rate, 0, tuple(more), folders) for rate in row.rates or (None,)])


def further_runs(first: Sequence[Run]) -> list[Run]:
    """The runs from the other seeds, at the learning rate that was best from the first one; none before that is known.

    Raises:
        InputError: If one of them has a result of another recipe or other arguments.
    """
    if not all(run.result.exists() for run in first):
        return []
    best = max(first, key=mean_iou)
    seeds = range(1, best.row.seeds)
    return _checked([Run(best.row, best.rate, seed, best.more, best.folders) for seed in seeds])


def best_runs(first: Sequence[Run]) -> list[Run]:
    """The runs with a result at the best learning rate, by seed; none before all rates have one."""
    further = further_runs(first)
    if not all(run.result.exists() for run in first):
        return []
    return [max(first, key=mean_iou), *(run for run in further if run.result.exists())]


def _checked(runs: list[Run]) -> list[Run]:
    for run in runs:
        for made in (run.result, run.folder / RECIPE_FILE):
            if made.exists() and json.loads(made.read_text())["made_by"] != run.recipe:
                raise InputError(
                    f"{made} was made with another recipe or other arguments than the study has now; "
                    f"remove it, and {run.folder} if it exists, to train it again, "
                    f"or choose other folders with --results and --output"
                )
    return runs


def train(runs: Sequence[Run], *, processes: int, until: float, say: Callable[[str], object]) -> list[str]:
    """Train the runs that have no result yet, and resume those that were interrupted.

    Args:
        runs: The runs, in the order in which they start.
        processes: Number of trainings at a time.
        until: The time, of time.monotonic, after which no training starts.
        say: Called with a line for each run that ends.

    Returns:
        The names of the runs that failed; their logs say why.
    """
    failed = []

    def one(run: Run) -> None:
        if time.monotonic() > until:
            return
        if train_run(run):
            say(f"{run.name}: {summary(run)}")
        else:
            failed.append(run.name)
            say(f"{run.name}: failed, see {run.folder / 'log.txt'}")

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(one, [run for run in runs if not run.result.exists()]))
    return failed


def train_run(run: Run) -> bool:
    """Train one run, or finish it, and write its result; return whether that succeeded."""
    folder = RunFolder(run.folder)
    if not folder.report.exists() and not _fit(run, folder):
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


def _fit(run: Run, folder: RunFolder) -> bool:
    last = (folder.checkpoints / "last.ckpt").exists()
    if not last and run.folder.exists():  # interrupted during the first epoch
        shutil.rmtree(run.folder)
    write_text(run.folder / RECIPE_FILE, json.dumps({"made_by": run.recipe}) + "\n")
    places = {f"{WEIGHTS}/": f"{run.folders.weights}/", f"{STUDY}/": f"{TRAIN.parent}/"}
    arguments = [_placed(argument, places) for argument in run.arguments]
    with data_of(run) as data:
        command = ["--config", run.row.recipe, *arguments, "--data.root", str(data), "--trainer.devices", "1"]
        command += ["--run_dir", str(run.folder), "--seed_everything", str(run.seed)]
        return run_command(["fit", *command, *(("--ckpt_path", "last") if last else ())], run.folder)


def _placed(argument: str, places: dict[str, str]) -> str:
    for name, folder in places.items():
        if argument.startswith(name):
            return folder + argument.removeprefix(name)
    return argument


@contextmanager
def data_of(run: Run) -> Iterator[Path]:
    """The folder of the data set, or one with links to a random part of its training images."""
    whole = (run.folders.data / run.row.data).resolve()
    if run.row.images is None:
        yield whole
        return
    images = sorted((whole / "images" / "train").iterdir())
    chosen = random.Random(run.seed).sample(images, run.row.images)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, run.row.data)
        for kind in ("images", "masks"):
            (part / kind / "train").mkdir(parents=True)
            (part / kind / "val").symlink_to(whole / kind / "val")
        for image in chosen:
            (part / "images" / "train" / image.name).symlink_to(image)
            mask = whole / "masks" / "train" / f"{image.stem}.png"
            (part / "masks" / "train" / mask.name).symlink_to(mask)
        for file in whole.glob("classes.*"):
            (part / file.name).symlink_to(file)
        yield part


def run_command(arguments: Sequence[str], folder: Path) -> bool:
    """Run a command of feedbackward on one thread with its output in the folder's log; return whether it succeeded."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "log.txt").open("a") as log:
        command = [sys.executable, str(TRAIN), *arguments]
        return subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode == 0


def summary(run: Run) -> str:
    """The mean IoU at the last epoch and the training time of a run with a result."""
    return f"mean IoU {100 * mean_iou(run):.1f}, {minutes(load(run)):.0f} min"


def mean_iou(run: Run) -> float:
    """The mean IoU at the last epoch of a run with a result."""
    found: float = load(run)["last"]["scalars"]["mean_iou"]
    return found


def minutes(result: dict[str, Any]) -> float:
    """Training time: the median epoch times the number of epochs, so that pauses and other load count little."""
    return median(epoch["seconds"] for epoch in result["curves"]) * len(result["curves"]) / 60


def load(run: Run) -> dict[str, Any]:
    """The result of a run."""
    result: dict[str, Any] = json.loads(run.result.read_text())
    return result
