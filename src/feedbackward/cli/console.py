"""The output of the commands: a console for tables and a progress bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FILE_WIDTH = 160
"""The width of output that is not a terminal, enough for every row of a table."""


def console_for_tables() -> Console:
    """A console as wide as the terminal, or wide enough for every row if the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


@contextmanager
def progress_bar(description: str, *, total: int, console: Console) -> Iterator[Callable[[], None]]:
    """A progress bar that disappears at the end; none if the console is not a terminal.

    Args:
        description: The text beside the bar.
        total: The number of steps.
        console: The console to draw it on.

    Yields:
        A function to call after each step.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total)
        yield lambda: progress.advance(task)
