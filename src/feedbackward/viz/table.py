"""The rows of both passes as a table for the terminal."""

from collections.abc import Sequence
from itertools import groupby, takewhile

from rich import box
from rich.table import Table
from rich.text import Text

from feedbackward.viz.decoder_rows import Row, Shape


def decoder_table(rows: Sequence[Row]) -> Table:
    """The rows in the order of the decoder; neighbors that no signal reaches share a line.

    Args:
        rows: The result of `decoder_rows`.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for header in ("encoder node", "operation", "shape", "decoder", "signal"):
        table.add_column(header, overflow="fold")
    shown = [row for row in rows if row.operation != "Identity"]
    for reached, group in groupby(shown, key=lambda row: bool(row.signals)):
        for line in map(_line, group) if reached else [_summary(list(group))]:
            table.add_row(*map(Text, line), style="" if reached else "dim")
    return table


def _line(row: Row) -> tuple[str, ...]:
    actions = (*row.actions, "end") if row.part == "end" else row.actions
    more = f" and {len(row.signals) - 1} more" if len(row.signals) > 1 else ""
    return row.path, row.operation, _size(row.shape), ", ".join(actions), _size(row.signals[0]) + more


def _summary(rows: list[Row]) -> tuple[str, ...]:
    """One line for several rows that no signal reaches."""
    first, last = rows[0], rows[-1]
    words = ", ".join(first.actions) or "-"
    if first is last:
        return first.path, first.operation, _size(first.shape), words, "-"
    return f"{_common(first.path, last.path)} …", f"{len(rows)} nodes", _size(first.shape), words, "-"


def _common(first: str, second: str) -> str:
    """The module that contains both paths, or the first path if that is the encoder itself."""
    pairs = zip(first.split("."), second.split("."), strict=False)
    return ".".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) or first


def _size(shape: Shape) -> str:
    return "×".join(map(str, shape))
