"""The console that tables are printed to."""

from rich.console import Console

WIDTH_OF_FILES = 160
"""The width of lines where the output is no terminal, so that no row is broken."""


def console_for_tables() -> Console:
    """A console as wide as the terminal, or wide enough for every row where the output is none."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH_OF_FILES)
