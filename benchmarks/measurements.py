"""The kinds of measurements of commands.py, each of which becomes a row."""

import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from startup_time import Command, run


@dataclass(frozen=True)
class Row:
    """A result.

    Args:
        group: The rows that are compared with each other.
        name: What was measured.
        seconds: Time for an image, a pair of masks or a training step; of the group "first prediction" that of a
            process.
        with_start: The same with the start of the process, of commands over many items.
    """

    group: str
    name: str
    seconds: float
    with_start: float | None = None


class Measurement(Protocol):
    """Something that is measured several times."""

    def measure(self) -> None:
        """Measure it once."""
        ...

    def row(self) -> Row:
        """The medians."""
        ...


@dataclass(frozen=True)
class Rate:
    """A command over many items; one over few of them takes as long to start.

    Args:
        group: As in Row.
        name: As in Row.
        many: The command over many items.
        few: The command over few.
        items: How many they are.
        output: A folder that is removed before each run.
    """

    group: str
    name: str
    many: Command
    few: Command
    items: tuple[int, int]
    output: Path | None = None

    def measure(self) -> None:
        """Run both once."""
        for command in (self.few, self.many):
            if self.output is not None:
                shutil.rmtree(self.output, ignore_errors=True)
            run(command, keep=True)

    def row(self) -> Row:
        """The medians."""
        many, few = (statistics.median(command.wall) for command in (self.many, self.few))
        return Row(self.group, self.name, (many - few) / (self.items[0] - self.items[1]), many / self.items[0])


@dataclass(frozen=True)
class Loop:
    """A loop of bare_loops.py.

    Args:
        group: As in Row.
        name: As in Row.
        arguments: Those of bare_loops.py.
    """

    group: str
    name: str
    arguments: Sequence[object]
    taken: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Run it once, in a process of its own."""
        line = [sys.executable, Path(__file__).with_name("bare_loops.py"), *map(str, self.arguments)]
        self.taken.append(float(subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout))

    def row(self) -> Row:
        """The median."""
        return Row(self.group, self.name, statistics.median(self.taken))


@dataclass(frozen=True)
class Start:
    """A command from the start of its process to the end.

    Args:
        name: As in Row.
        command: The command.
    """

    name: str
    command: Command

    def measure(self) -> None:
        """Run it once."""
        run(self.command, keep=True)

    def row(self) -> Row:
        """The median."""
        return Row("first prediction", self.name, statistics.median(self.command.wall))
