"""Tells what moved between two files of bench.py.

    python benchmarks/bench_compare.py OLD NEW

A figure has moved if the quartiles of its times do not overlap: neither in seconds, nor relative to the machine's rate
of matrix products, nor relative to that of its memory. What a faster or slower machine explains has not moved. Exits
with 1 if a figure is slower.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bench_figure import Figure, read_figures
from feedbackward.errors import InputError, listed

Verdict = Literal["slower", "faster", ""]
SCALES: dict[str, Callable[[Figure], float]] = {
    "seconds": lambda _: 1.0,
    "× matmul": lambda figure: figure.matmul,
    "× memory": lambda figure: figure.memory,
}
"""What a time is multiplied by, to be compared in seconds, or in the work that the machine could have done."""


def main(args: Sequence[str] | None = None) -> None:
    """Print how each figure has changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", metavar="OLD", type=Path)
    parser.add_argument("new", metavar="NEW", type=Path)
    options = parser.parse_args(args)
    try:
        old, new = read_figures(options.old), read_figures(options.new)
        if not old.keys() & new.keys():
            raise InputError(f"{options.old} and {options.new} have no figure in common; run the same groups")
    except InputError as error:
        sys.exit(f"error: {error}")
    pairs = [(old[name], new[name]) for name in old if name in new]
    Console(width=140).print(rendered(pairs))
    for path, only in ((options.old, old.keys() - new.keys()), (options.new, new.keys() - old.keys())):
        if only:
            print(f"only in {path}: {listed(sorted(only))}")
    slower = [before.name for before, after in pairs if moved(before, after) == "slower"]
    if slower:
        sys.exit(f"slower: {', '.join(slower)}")


def moved(old: Figure, new: Figure) -> Verdict:
    """Whether a figure is slower or faster by more than its spread, on every scale."""
    scales = [(scale(old), scale(new)) for scale in SCALES.values()]
    if all(new.low * after > old.high * before for before, after in scales):
        return "slower"
    if all(new.high * after < old.low * before for before, after in scales):
        return "faster"
    return ""


def rendered(pairs: Sequence[tuple[Figure, Figure]]) -> Table:
    """The medians, how they have changed on each scale, and the verdicts."""
    table = Table("figure", *("old, s", "new, s"), *SCALES, "moved")
    for old, new in pairs:
        changes = (new.seconds * scale(new) / (old.seconds * scale(old)) for scale in SCALES.values())
        cells = (f"{old.seconds:.3f}", f"{new.seconds:.3f}", *(f"{change:.2f}" for change in changes))
        table.add_row(old.name, *cells, moved(old, new))
    return table


if __name__ == "__main__":
    main()
