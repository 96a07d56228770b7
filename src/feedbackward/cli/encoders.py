"""`feedbackward encoders`: the architectures of timm, which of them can be run backward, and what they cost."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import timm
from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from feedbackward.cli.console import console_for_tables
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_text
from feedbackward.models.catalog import Catalog, catalog, keep, measure_encoders
from feedbackward.models.survey import CLASSES, SIZE, EncoderRecord


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward encoders` and run it."""
    parser = ArgumentParser(
        prog="feedbackward encoders",
        description="List the architectures of timm: whether they can be run backward, parameters, strides and FLOPs.",
        allow_abbrev=False,
    )
    parser.add_argument("pattern", nargs="?", default="*", help="which ones, such as 'resnet*'")
    parser.add_argument("--json", type=Path | None, help="file to write the list into")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="run them anew, without weights; of all architectures that takes a quarter of an hour, and the list is "
        "kept for the installed version of timm",
    )
    parser.add_argument("--processes", type=PositiveInt, default=1, help="how many are run at a time")
    given = parser.parse_args(args)
    encoders(given.pattern, json=given.json, measure=given.measure, processes=given.processes)


def encoders(pattern: str, *, json: Path | None, measure: bool, processes: int) -> None:
    """List the architectures of timm: whether they can be run backward, parameters, output strides and FLOPs.

    Args:
        pattern: Which ones: a name with wildcards.
        json: File to write the list into.
        measure: Whether to run them anew, without weights; of all architectures the list is kept.
        processes: How many are run at a time.

    Raises:
        InputError: If the pattern matches none, or the file cannot be written.
    """
    names = timm.list_models(pattern)
    if not names:
        raise InputError(f"no architecture of timm {timm.__version__} matches {pattern!r}; try 'resnet*'")
    if json is not None:
        check_target(json, option="--json")
    console = console_for_tables()
    found = _measured(names, processes, console) if measure else catalog()
    if measure and len(names) == len(timm.list_models()):
        console.print(Text(f"kept in {keep(found)}"), soft_wrap=True)
    found = Catalog(found.timm, tuple(record for record in found.encoders if fnmatchcase(record.name, pattern)))
    if json is not None:
        write_text(json, found.to_json())
    console.print(_table(found.encoders))
    for line in _summary(found):
        console.print(Text(line), soft_wrap=True)


def _measured(names: Sequence[str], processes: int, console: Console) -> Catalog:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("running them backward", total=len(names))
        return measure_encoders(
            names, processes=processes, on_encoder=lambda name: progress.update(task, advance=1, description=name)
        )


def _table(records: Sequence[EncoderRecord]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for header in ("architecture", "family", "kind", "backward"):
        table.add_column(header, overflow="fold")
    for header in ("encoder M", "way back", "head", "strides", f"GFLOPs at {SIZE[0]}×{SIZE[1]}"):
        table.add_column(header, justify="right")
    for record in records:
        table.add_row(*map(Text, _cells(record)), style="" if record.supported else "dim")
    return table


def _cells(record: EncoderRecord) -> list[str]:
    cells = [record.name, record.family, record.kind]
    millions = f"{record.encoder_parameters / 1e6:.2f}"
    if not record.supported:
        return [*cells, ", ".join(record.refused), millions, "-", "-", "-", "-"]
    strides = " ".join(map(str, record.output_strides))
    gflops = f"{record.gflops:,.2f} (/{record.output_stride})"
    return [*cells, "yes", millions, f"{record.decoder_parameters:,}", f"{record.head_parameters:,}", strides, gflops]


def _summary(found: Catalog) -> list[str]:
    kinds = Counter(record.kind for record in found.encoders)
    supported = Counter(record.kind for record in found.encoders if record.supported)
    return [
        f"timm {found.timm}: {sum(supported.values())} of {len(found.encoders)} can be run backward ("
        + ", ".join(f"{kind} {supported[kind]} of {count}" for kind, count in sorted(kinds.items()))
        + ")",
        f"way back: the parameters of its norms; head: those of a classifier of {CLASSES} classes at the output stride "
        "that stands behind the GFLOPs",
    ]
