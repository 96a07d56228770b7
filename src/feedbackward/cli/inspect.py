"""`feedbackward inspect`: facts about a data set and every problem at once, before a network is trained on it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from jsonargparse import Namespace
from rich.console import Console

from feedbackward.cli import convert
from feedbackward.cli.console import console_for_tables, progress_bar
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.split_options import add_split_options, division, given_split_options, without_effect
from feedbackward.errors import InputError
from feedbackward.io import check_apart, check_empty, check_target, write_json, write_text, write_whole

if TYPE_CHECKING:
    from feedbackward.importing.inspection import Inspection

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def build_parser() -> CommandParser:
    """The parser of `feedbackward inspect`."""
    parser = command_parser(
        "inspect",
        "Decode all images and masks of a folder, and print what the data set consists of and what is wrong with it.\n"
        "The layout is recognized, as by `feedbackward convert`. Nothing is written without one of the options.\n"
        "The exit status is 1 if there are errors.",
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", type=Path, help="folder of the data set")
    parser.add_argument("--json", metavar="FILE", type=Path | None, help="file to write facts and problems to")
    parser.add_argument(
        "--picture",
        metavar="FILE",
        type=Path | None,
        help="PNG or JPEG to draw up to 16 samples into, each image beside itself with its mask",
    )
    parser.add_argument(
        "--classes", metavar="FILE", type=Path | None, help="class file (YAML or JSON) to write, which fits the masks"
    )
    parser.add_argument(
        "--fix",
        metavar="OUTPUT",
        type=Path | None,
        help="folder to create, as `feedbackward convert` does, without the samples that have errors",
    )
    add_split_options(parser.add_argument_group("how --fix divides"))
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward inspect` and run it; the exit status is 1 if there are errors."""
    options = build_parser().parse_args(args)
    given = given_split_options(options)
    if given and options.fix is None:
        raise InputError(f"{', '.join(given)} without --fix OUTPUT, whose images it divides; add --fix, or omit it")
    if inspect(options):
        sys.exit(1)


def inspect(options: Namespace) -> bool:
    """Inspect a data set, print the report and write what the options name.

    Args:
        options: What the parser returns.

    Returns:
        Whether there are errors.

    Raises:
        InputError: If the data set cannot be recognized, or a file cannot be written.
    """
    targets = {f"--{name}": options[name] for name in ("json", "picture", "classes")}
    for option, path in targets.items():
        if path is not None:
            check_target(path, option=option)
    check_apart(targets, {"the data set": options.data})
    if options.picture is not None and options.picture.suffix.lower() not in PICTURES:
        raise InputError(f"--picture {options.picture}: expected a name that ends with .png or .jpg")
    if options.fix is not None:
        check_empty(options.fix, what="--fix")
    from feedbackward.cli.inspect_report import print_report
    from feedbackward.importing import recognize
    from feedbackward.importing.inspection import inspect as look

    found = recognize(options.data)
    with progress_bar("reading", total=len(found.samples), console=Console(stderr=True)) as advance:
        inspection = look(found, options.data, on_sample=advance)
    print_report(inspection, console_for_tables())
    if options.json is not None:
        problems = [problem.to_dict() for problem in inspection.problems]
        write_json(options.json, {"facts": inspection.facts.to_dict(), "problems": problems})
    if options.classes is not None:
        _write_classes(inspection, options.classes)
    if options.picture is not None:
        _draw(inspection, options.picture)
    if options.fix is not None:
        _fix(inspection, options)
    return inspection.failed


def _write_classes(inspection: "Inspection", path: Path) -> None:
    classes = inspection.facts.classes
    if classes is None:
        raise InputError(f"--classes {path}: no classes can be told from these masks; see the errors above")
    is_json = path.suffix.lower() == ".json"
    content = classes.content
    write_text(path, json.dumps(content) if is_json else yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _draw(inspection: "Inspection", path: Path) -> None:
    from PIL import Image

    from feedbackward.cli.contact_sheet import contact_sheet

    classes, samples = inspection.facts.classes, inspection.sound.samples
    if classes is None or not samples:
        raise InputError(f"--picture {path}: no sample can be drawn; see the errors above")
    picture = Image.fromarray(contact_sheet(samples, classes.classes))
    write_whole(path, lambda file: picture.save(file, PICTURES[path.suffix.lower()]))


def _fix(inspection: "Inspection", options: Namespace) -> None:
    from dataclasses import replace

    from feedbackward.importing import split_samples
    from feedbackward.importing.duplicates import leaks
    from feedbackward.importing.splits import has_own_division

    if not inspection.sound.samples:
        raise InputError(f"--fix {options.fix}: every sample has errors; see above")
    samples = split_samples(inspection.sound.samples, **division(options))
    repeated = {index for index, _ in leaks(samples, inspection.digests)}
    kept = tuple(sample for index, sample in enumerate(samples) if index not in repeated)
    line = f"left out: {inspection.left_out} samples with errors"
    if repeated:
        line += f", {len(repeated)} copies that another split has"
    unused = without_effect(options) if has_own_division(inspection.sound.samples) else ()
    for text in (line, *unused):
        convert.say(text)
    empty = [split for split in ("train", "val") if not any(sample.split == split for sample in kept)]
    if empty:
        raise InputError(f"--fix {options.fix}: no sample for {' and '.join(empty)} would be left; add images to DATA")
    convert.write(replace(inspection.sound, samples=kept), options.fix, named=inspection.facts.named)
