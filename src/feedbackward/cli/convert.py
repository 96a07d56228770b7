"""`feedbackward convert`: a data set of another tool or layout as images and masks in folders, with a class file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace
from rich.console import Console
from rich.text import Text

from feedbackward.cli.console import progress_bar
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.split_options import add_class_option, add_split_options, class_names, division, without_effect
from feedbackward.io import check_empty

if TYPE_CHECKING:
    from feedbackward.importing import FoundData


def build_parser() -> CommandParser:
    """The parser of `feedbackward convert`."""
    parser = command_parser(
        "convert",
        "Write the images and masks of a folder as OUTPUT/images/SPLIT, OUTPUT/masks/SPLIT and OUTPUT/classes.yaml,\n"
        "from which `feedbackward fit --data folder` trains. The layout is recognized; DATA is not changed.",
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of the data set")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="folder to create")
    add_split_options(parser)
    add_class_option(parser)
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward convert` and run it."""
    convert(build_parser().parse_args(args))


def convert(options: Namespace) -> None:
    """Recognize a data set, divide it and write it in our own layout.

    Args:
        options: What the parser returns.

    Raises:
        InputError: If the data set cannot be recognized, divided or written; nothing is written then.
    """
    check_empty(options.output, what="OUTPUT")
    names = class_names(options.classes)
    from dataclasses import replace

    from feedbackward.importing import recognize, split_samples
    from feedbackward.importing.splits import has_own_division

    found = recognize(options.data)
    samples = split_samples(found.samples, **division(options))
    for note in (*found.notes, *(without_effect(options) if has_own_division(found.samples) else ())):
        say(note)
    named = bool(names) or found.classes is not None
    write(replace(found, samples=samples), options.output, names=names, named=named)


def write(found: "FoundData", output: Path, *, names: Sequence[str] = (), named: bool) -> None:
    """Write a data set with a progress bar, and say what was written.

    Args:
        found: Its samples, each with a split.
        output: The folder to create.
        names: The names of the classes, if the data set does not name them.
        named: Whether either does.
    """
    from feedbackward.importing.convert import CLASS_FILE
    from feedbackward.importing.convert import convert as write_folders

    lines = list[str]()
    with progress_bar("writing", total=len(found.samples), console=Console(stderr=True)) as advance:
        table = write_folders(found, output, names=names, on_sample=advance, say=lines.append)
    for line in lines:
        say(line)
    counts = Counter(sample.split for sample in found.samples)
    by_split = ", ".join(f"{counts[split]} {split}" for split in ("train", "val", "test") if counts[split])
    rename = "" if named else f" (named after the masks; rename them in {output / CLASS_FILE})"
    say(f"{output}: {by_split} images; {len(table)} classes: {', '.join(table.names)}{rename}")


def say(line: str) -> None:
    """Print a line."""
    Console().print(Text(line), soft_wrap=True)
