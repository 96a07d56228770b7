"""`feedbackward benchmark`: networks raced against each other, as a table, as JSON and as a plot."""

from argparse import RawDescriptionHelpFormatter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, DefaultHelpFormatter
from jsonargparse.typing import PositiveFloat, PositiveInt
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from feedbackward.benchmark import RUNTIMES, Entry, Result, TrainingStep, create_candidate, race, race_training
from feedbackward.benchmark.candidates import GRAMMAR
from feedbackward.benchmark.tradeoff import configuration, draw_tradeoff, read_scores
from feedbackward.cli.console import console_for_tables
from feedbackward.cli.size import height_width
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_json
from feedbackward.machine import describe_machine

DASH = "-"


class _AsWritten(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """The description keeps its lines."""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward benchmark` and run it."""
    parser = ArgumentParser(
        prog="feedbackward benchmark",
        description=f"Race networks in turns on the CPU, or with the runtime cuda on a GPU. They are named\n{GRAMMAR}",
        formatter_class=_AsWritten,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--models",
        required=True,
        help="networks, NAME,NAME; a time is also given as a multiple of the first's",
    )
    parser.add_argument("--runtimes", default="eager", help=f"of {', '.join(RUNTIMES)}: NAME,NAME")
    parser.add_argument("--size", default="512,1024", help="height and width of the images, H,W")
    parser.add_argument("--batch", type=PositiveInt, default=1, help="images at a time")
    parser.add_argument("--threads", type=PositiveInt | None, default=None, help="of every runtime")
    parser.add_argument("--repeats", type=PositiveInt, default=10, help="how often each runs")
    parser.add_argument("--memory", action="store_true", help="measure peak memory too, in processes of their own")
    parser.add_argument(
        "--tolerance", type=PositiveFloat | None, default=None, help="how far a file may differ from its network"
    )
    parser.add_argument("--train", action="store_true", help="race training steps instead")
    parser.add_argument("--json", type=Path | None, help="file to write the results to")
    parser.add_argument("--plot", type=Path | None, help="SVG file: mean IoU against time, with --scores")
    parser.add_argument(
        "--scores", type=Path | None, help="folder of a study's results, such as docs/study/camvid_reduced"
    )
    options = parser.parse_args(args)
    size = height_width(options.size)
    for option in ("json", "plot"):
        if options[option] is not None:
            check_target(options[option], option=f"--{option}")
    if (options.plot is None) != (options.scores is None) or (options.plot is not None and options.train):
        raise InputError("--plot FILE and --scores DIR go together, and with the race of inference alone")
    models, console = options.models.split(","), Console()
    shared: dict[str, Any] = {
        "size": size,
        "batch": options.batch,
        "threads": options.threads,
        "repeats": options.repeats,
    }
    if options.train:
        steps = race_training(models, **shared)
        console_for_tables().print(training_table(steps))
        rows = list(map(asdict, steps))
    else:
        entries = [Entry(model, runtime) for runtime in options.runtimes.split(",") for model in models]
        of_files: dict[str, Any] = {"memory": options.memory, "tolerance": options.tolerance}
        with console.status("") as status:
            results = race(entries, **shared, **of_files, say=lambda line: status.update(Text(line)))
        console_for_tables().print(race_table(results))
        rows = list(map(asdict, results))
        if options.plot is not None:
            configs = {model: configuration(create_candidate(model)) for model in models}
            pairs = [(result, configs[result.name]) for result in results]
            for name in draw_tradeoff(pairs, read_scores(options.scores), options.plot):
                console.print(Text(f"not in the plot, as the study has no score of it: {name}"))
    if options.json is not None:
        machine = {**describe_machine(), "threads": torch.get_num_threads()}
        write_json(options.json, {"machine": machine, "size": size, "batch": options.batch, "results": rows})


def race_table(results: list[Result]) -> Table:
    """A row for each network in each runtime; how many times as long as the first of its runtime it takes."""
    table = Table(Column("network", overflow="fold"), "runtime")
    for column in (
        "ms",
        "quartiles",
        "× first",
        "images/s",
        "M params",
        "GFLOPs",
        "% of matmul",
        "file MB",
        "loaded MB",
        "peak MB",
    ):
        table.add_column(column, justify="right")
    first: dict[str, float] = {}
    for result in results:
        base = first.setdefault(result.runtime, result.seconds)
        low, high = result.quartiles
        table.add_row(
            Text(result.name),
            result.runtime,
            f"{1e3 * result.seconds:.1f}",
            f"{1e3 * low:.1f}-{1e3 * high:.1f}",
            f"{result.seconds / base:.2f}",
            f"{result.images_per_second:.2f}",
            f"{result.parameters / 1e6:.2f}",
            f"{result.flops / 1e9:.2f}",
            f"{100 * result.matmul_share:.0f}",
            _megabytes(result.file_bytes),
            _megabytes(result.memory.loaded_bytes if result.memory else None),
            _megabytes(result.memory.peak_bytes if result.memory else None),
        )
    return table


def training_table(steps: list[TrainingStep]) -> Table:
    """A row for each network; how many times as long as the first one's its step takes."""
    table = Table(Column("network", overflow="fold"))
    for column in ("ms a step", "quartiles", "× first", "kept for backward, MB", "× first"):
        table.add_column(column, justify="right")
    for step in steps:
        low, high = step.quartiles
        table.add_row(
            Text(step.name),
            f"{1e3 * step.seconds:.0f}",
            f"{1e3 * low:.0f}-{1e3 * high:.0f}",
            f"{step.seconds / steps[0].seconds:.2f}",
            _megabytes(step.saved_bytes),
            f"{step.saved_bytes / steps[0].saved_bytes:.2f}",
        )
    return table


def _megabytes(count: int | None) -> str:
    return DASH if count is None else f"{count / 1e6:.1f}"
