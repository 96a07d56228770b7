"""`feedbackward encoders`: the architectures of timm, which of them can be encoders, and the cost of the networks."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

from jsonargparse.typing import PositiveInt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.console import console_for_tables, progress_bar
from feedbackward.cli.parser import CommandParser, command_parser
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_text
from feedbackward.models.catalog import CLASSES, SIZE, Catalog, EncoderRecord, catalog, keep


def build_parser() -> CommandParser:
    """The parser of `feedbackward encoders`."""
    parser = command_parser("encoders")
    parser.add_argument("pattern", nargs="?", default="*", help="Names to list, such as 'resnet*'.")
    parser.add_function_arguments(encoders, skip={"pattern", "measure"}, fail_untyped=True)
    parser.add_argument(
        "--measure",
        action="store_true",
        help="Measure the architectures again, without weights. For all of them this takes a quarter of an hour, and "
        "the list is saved for the installed version of timm.",
    )
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward encoders` and run it."""
    given = vars(build_parser().parse_args(args))
    encoders(given.pop("pattern"), **given)


def encoders(
    pattern: str = "*", *, json: Path | None = None, measure: bool = False, processes: PositiveInt = 1
) -> None:
    """List the architectures of timm: whether they can be encoders, parameters, output strides and FLOPs.

    Args:
        pattern: Names to list, with wildcards.
        json: JSON file to write the list to.
        measure: Whether to measure them again, without weights; a list of all architectures is saved.
        processes: Number of processes that measure.

    Raises:
        InputError: If no name matches the pattern, or the file cannot be written.
    """
    if json is not None:
        check_target(json, option="--json")
    console = console_for_tables()
    listed = _measured(pattern, processes, console) if measure else catalog()
    found = Catalog(listed.timm, tuple(record for record in listed.encoders if fnmatchcase(record.name, pattern)))
    _check_any(found.encoders, pattern)
    if json is not None:
        write_text(json, found.to_json())
    console.print(_table(found.encoders))
    for line in _summary(found):
        console.print(Text(line), soft_wrap=True)


def _measured(pattern: str, processes: int, console: Console) -> Catalog:
    import timm

    from feedbackward.models.survey import measure_encoders

    names = timm.list_models(pattern)
    _check_any(names, pattern)
    with progress_bar("measuring", total=len(names), console=console) as advance:
        measured = measure_encoders(names, processes=processes, on_encoder=lambda _: advance())
    if len(names) == len(timm.list_models()):
        console.print(Text(f"kept in {keep(measured)}"), soft_wrap=True)
    return measured


def _check_any(found: Sequence[object], pattern: str) -> None:
    if not found:
        raise InputError(f"no architecture of timm {version('timm')} matches {pattern!r}; try 'resnet*'")


def _table(records: Sequence[EncoderRecord]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for header in ("architecture", "family", "kind", "supported"):
        table.add_column(header, overflow="fold")
    for header in ("encoder M", "decoder", "head", "strides", f"GFLOPs at {SIZE[0]}×{SIZE[1]}"):
        table.add_column(header, justify="right")
    table.add_column("license of weights", overflow="fold")
    for record in records:
        table.add_row(*map(Text, _cells(record)), style="" if record.supported else "dim")
    return table


def _cells(record: EncoderRecord) -> list[str]:
    cells, license_of_weights = [record.name, record.family, record.kind], record.license or "no weights"
    millions = f"{record.encoder_parameters / 1e6:.2f}"
    if not record.supported:
        return [*cells, ", ".join(record.refused), millions, "-", "-", "-", "-", license_of_weights]
    strides = " ".join(map(str, record.output_strides))
    gflops = f"{record.gflops:,.2f} (/{record.output_stride})"
    counts = [millions, f"{record.decoder_parameters:,}", f"{record.head_parameters:,}"]
    return [*cells, "yes", *counts, strides, gflops, license_of_weights]


def _summary(found: Catalog) -> list[str]:
    kinds = Counter(record.kind for record in found.encoders)
    supported = Counter(record.kind for record in found.encoders if record.supported)
    return [
        f"timm {found.timm}: {sum(supported.values())} of {len(found.encoders)} can be encoders ("
        + ", ".join(f"{kind} {supported[kind]} of {count}" for kind, count in sorted(kinds.items()))
        + ")",
        f"decoder, head: parameters of the decoder's norms and of the head for {CLASSES} classes; the GFLOPs are those "
        "of the network with the output stride in brackets; the license is that of timm's default pretrained weights",
    ]
