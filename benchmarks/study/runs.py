"""Training the rows of a study, several processes side by side, each on one thread, and keeping what came out."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan import Row

from feedbackward.writing import write_whole

TRAIN = Path(__file__).with_name("train.py")


@dataclass(frozen=True)
class Run:
    """One row from one seed.

    Args:
        row: What is trained.
        seed: Of everything that is random.
        folder: Its run folder, with checkpoints and logs.
        result: The file that is kept of it.
    """

    row: Row
    seed: int
    folder: Path
    result: Path

    @property
    def name(self) -> str:
        """Row and seed."""
        return f"{self.row.name}_seed{self.seed}"


def plan_runs(rows: Iterable[Row], *, seeds: Sequence[int], folder: Path, results: Path) -> list[Run]:
    """All rows from the first seed, then from the next one."""
    return [
        Run(row, seed, folder / f"{row.name}_seed{seed}", results / f"{row.name}_seed{seed}.json")
        for seed in seeds
        for row in rows
    ]


def train(runs: Sequence[Run], arguments: Sequence[str], *, processes: int, say: Callable[[str], object]) -> list[str]:
    """Train what has no result yet, and go on with what was cut off.

    Args:
        runs: The runs, in the order in which they begin.
        arguments: For every `feedbackward fit`, behind those of the row.
        processes: How many train at a time.
        say: Called with a line for each run that ends.

    Returns:
        The names of the runs that failed; their logs say why.
    """
    failed = []

    def one(run: Run) -> None:
        if _train(run, arguments):
            say(f"{run.name}: {summary(run)}")
        else:
            failed.append(run.name)
            say(f"{run.name}: failed, see {run.folder / 'log.txt'}")

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(one, [run for run in runs if not run.result.exists()]))
    return failed


def _train(run: Run, arguments: Sequence[str]) -> bool:
    command = [*run.row.arguments, *arguments, "--run_dir", str(run.folder), "--seed_everything", str(run.seed)]
    if (run.folder / "checkpoints" / "last.ckpt").exists():
        command += ["--ckpt_path", "last"]
    if not (run.folder / "report.html").exists() and not call(["fit", *command], run.folder):
        return False
    metrics = json.loads((run.folder / "metrics.json").read_text())
    for pass_ in ("best", "last"):
        del metrics[pass_]["confusion"]
    facts = {"row": run.row.name, "machine": json.loads((run.folder / "versions.json").read_text())}
    content = json.dumps(facts | metrics) + "\n"
    write_whole(run.result, lambda file: file.write(content.encode()))
    return True


def call(arguments: Sequence[str], folder: Path) -> bool:
    """Run a command of feedbackward on one thread, its output in the folder's log; whether it succeeded."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TRAIN.parent)}
    with (folder / "log.txt").open("a") as log:
        command = [sys.executable, str(TRAIN), *arguments]
        return subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode == 0


def summary(run: Run) -> str:
    """The last mean IoU and the time of a run that has a result."""
    result = load(run)
    return f"mean IoU {100 * result['last']['scalars']['mean_iou']:.1f}, {result['training_seconds'] / 60:.0f} min"


def load(run: Run) -> dict[str, Any]:
    """The result of a run."""
    result: dict[str, Any] = json.loads(run.result.read_text())
    return result
