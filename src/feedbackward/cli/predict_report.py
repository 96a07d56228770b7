"""What `feedbackward predict` says: progress and skipped files on stderr, a summary on stdout, as table or JSON."""

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.classes import ClassTable
from feedbackward.cli.console import progress_bar
from feedbackward.data.members import File
from feedbackward.io import write_text

SKIPPED = "skipped.csv"


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """What was predicted for one task.

    Args:
        name: The task; "" if there is only one.
        table: Its classes.
        written: The folders and files that contain the outputs.
        areas: The number of pixels of each class in all images.
    """

    name: str
    table: ClassTable
    written: list[Path]
    areas: Counter[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        total = self.areas.total() or 1
        return {
            "written": list(map(str, self.written)),
            "shares": {name: area / total for name, area in self.areas.most_common()},
        }


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The result of a run.

    Args:
        model: The model.
        done_before: The number of images that an earlier run has predicted.
        predicted: The number of images that this run has predicted.
        skipped: The files that could not be predicted, and why.
        left_out: The number of files in the sources that are not predicted, by the reason.
        tasks: What was predicted for each task.
        seconds: The time that this run took.
    """

    model: str
    done_before: int
    predicted: int
    skipped: list[tuple[File, str]]
    left_out: dict[str, int]
    tasks: list[TaskSummary]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        by_task = {task.name: task.to_dict() for task in self.tasks}
        return {
            "model": self.model,
            "done_before": self.done_before,
            "predicted": self.predicted,
            "skipped": [{"file": str(path), "reason": reason} for path, reason in self.skipped],
            "left_out": self.left_out,
            **by_task.get("", {"tasks": by_task}),
            "seconds": round(self.seconds, 3),
        }


class Reporter:
    """Prints what a run does.

    Args:
        as_json: Print the summary in JSON, and nothing else on stdout.
        quiet: Print only which files are skipped.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._as_json, self._quiet = as_json, quiet
        self._console, self._messages = Console(), Console(stderr=True)

    def say(self, line: str) -> None:
        """Print a message."""
        if not self._quiet:
            self._print(line)

    def skip(self, reason: str) -> None:
        """Print why a file is skipped."""
        # Names may have line breaks, and bytes that are not UTF-8.
        self._print("skipped: " + reason.replace("\n", "\\n").encode(errors="backslashreplace").decode())

    def progress(self, total: int) -> AbstractContextManager[Callable[[], None]]:
        """A progress bar."""
        console = Console(stderr=True, quiet=True) if self._quiet else self._messages
        return progress_bar("predicting", total=total, console=console)

    def finish(self, summary: Summary) -> None:
        """Print the summary."""
        if self._as_json:
            sys.stdout.write(json.dumps(summary.to_dict(), indent=1) + "\n")
        elif not self._quiet:
            for task in summary.tasks:
                self._console.print(_shares(task, summary.done_before + summary.predicted))
                for path in task.written:
                    self._console.print(Text(str(path)), soft_wrap=True)

    def _print(self, line: str) -> None:
        self._messages.print(Text(line), soft_wrap=True)


def write_skipped(path: Path, skipped: list[tuple[File, str]]) -> None:
    """Write the skipped files and the reasons as CSV; without any, remove what an earlier run has written.

    Raises:
        InputError: If the file cannot be written.
    """
    if not skipped:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("file", "reason"), *((str(file), reason) for file, reason in skipped)])
    write_text(path, text.getvalue())


def _shares(task: TaskSummary, count: int) -> Table:
    title = f"{f'{task.name}: ' if task.name else ''}{count} image{'s' * (count != 1)}"
    shares = Table("", "class", "share of pixels", title=title)
    for name, area in task.areas.most_common():
        red, green, blue = task.table.colors[task.table.names.index(name)]
        swatch = Text("  ", style=f"on rgb({red},{green},{blue})")
        shares.add_row(swatch, Text(name), f"{area / task.areas.total():7.2%}")
    return shares
