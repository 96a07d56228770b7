"""`feedbackward benchmark`: latency, memory and file size of several networks, as a table and as JSON."""

from argparse import RawDescriptionHelpFormatter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import DefaultHelpFormatter, Namespace
from jsonargparse.typing import PositiveFloat, PositiveInt
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from feedbackward.benchmark.names import FILE_RUNTIMES, GRAMMAR, RUNTIME_NAMES, TRAINING_RUNTIME_NAMES
from feedbackward.cli.console import console_for_tables
from feedbackward.cli.parser import CommandParser, command_parser, height_width
from feedbackward.errors import InputError
from feedbackward.io import check_apart, check_target, write_json

if TYPE_CHECKING:
    from feedbackward.benchmark.latency import Result
    from feedbackward.benchmark.training import TrainingStep

DASH = "-"


class _AsWritten(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Keeps the line breaks of the description."""


def build_parser() -> CommandParser:
    """The parser of `feedbackward benchmark`."""
    parser = command_parser(
        "benchmark",
        f"Time networks in turns, on the CPU or, with the runtime cuda, on a GPU. Networks:\n{GRAMMAR}",
        formatter_class=_AsWritten,
    )
    parser.add_argument(
        "--models",
        required=True,
        help="networks, NAME,NAME; times are also printed as multiples of the first one's",
    )
    parser.add_argument(
        "--runtimes",
        default="eager",
        help=f"some of {', '.join(RUNTIME_NAMES)}: NAME,NAME; with --train some of {', '.join(TRAINING_RUNTIME_NAMES)}",
    )
    parser.add_argument(
        "--size",
        metavar="H,W",
        help="height and width of the images (as a saved network resizes images of 512x1024, otherwise 512,1024)",
    )
    parser.add_argument("--batch", type=PositiveInt, default=1, help="images per call")
    parser.add_argument("--threads", type=PositiveInt | None, default=None, help="threads of every runtime")
    parser.add_argument("--repeats", type=PositiveInt, default=10, help="timed calls of each network")
    parser.add_argument("--memory", action="store_true", help="measure memory too, each network in a separate process")
    parser.add_argument(
        "--tolerance",
        type=PositiveFloat | None,
        default=None,
        help="largest accepted difference between an exported file and its network, "
        "relative to the largest absolute logit",
    )
    parser.add_argument("--train", action="store_true", help="time training steps instead")
    parser.add_argument("--json", type=Path | None, help="JSON file to write the results to")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward benchmark` and run it."""
    benchmark(build_parser().parse_args(args))


def benchmark(options: Namespace) -> None:
    """Run the benchmark and print its table.

    Args:
        options: The parsed arguments.

    Raises:
        InputError: If a network, a runtime or the size is not valid, an option would have no effect, or the file cannot
            be written.
    """
    models = _names(options.models, option="--models")
    runtimes = _names(options.runtimes, option="--runtimes")
    _check_effect(options, runtimes)
    given = None if options.size is None else height_width(options.size)
    if options.json is not None:
        check_target(options.json, option="--json")
    check_apart({"--json": options.json}, {f"the network {model}": model for model in models})
    import torch

    from feedbackward.benchmark.candidates import images_seen
    from feedbackward.benchmark.latency import Entry, measure_inference
    from feedbackward.benchmark.training import measure_training
    from feedbackward.machine import describe_machine

    seen, line = images_seen(models)
    size = given or seen
    if line and given not in (None, seen):
        line = f"images of {size[0]}x{size[1]}, where {line.removeprefix('images of ')}"
    if line:
        Console(stderr=True).print(Text(line), soft_wrap=True)
    shared: dict[str, Any] = {
        "size": size,
        "batch": options.batch,
        "threads": options.threads,
        "repeats": options.repeats,
    }
    if options.train:
        steps = measure_training(models, runtimes=runtimes, **shared)
        console_for_tables().print(training_table(steps))
        rows = list(map(asdict, steps))
    else:
        entries = [Entry(model, runtime) for runtime in runtimes for model in models]
        more: dict[str, Any] = {"memory": options.memory, "tolerance": options.tolerance}
        with Console().status("") as status:
            results = measure_inference(entries, **shared, **more, say=lambda line: status.update(Text(line)))
        console_for_tables().print(inference_table(results))
        rows = list(map(asdict, results))
    if options.json is not None:
        machine = {**describe_machine(), "threads": torch.get_num_threads()}
        write_json(options.json, {"machine": machine, "size": size, "batch": options.batch, "results": rows})


def _names(text: str, *, option: str) -> list[str]:
    """The names in the value of an option, NAME,NAME."""
    names = text.split(",")
    if not all(map(str.strip, names)):
        raise InputError(f"{option} is {text!r}, with an empty name; expected NAME,NAME; remove extra commas")
    return names


def _check_effect(options: Namespace, runtimes: list[str]) -> None:
    """Refuse options that would have no effect."""
    if options.train:
        given = {"--memory": options.memory, "--tolerance": options.tolerance is not None}
        if extra := [option for option in given if given[option]]:
            raise InputError(
                f"--train times training steps in PyTorch, without {', '.join(extra)}; omit those, or --train"
            )
    elif options.memory and "tensorrt" in runtimes:
        raise InputError("--memory does not see the memory of TensorRT; omit --memory, or the runtime tensorrt")
    elif options.tolerance is not None and set(runtimes) <= set(RUNTIME_NAMES) - set(FILE_RUNTIMES):
        raise InputError(
            f"--tolerance is for the exported files of {', '.join(FILE_RUNTIMES)}, found --runtimes "
            f"{','.join(runtimes)}; omit --tolerance, or add one of these runtimes"
        )


def inference_table(results: "list[Result]") -> Table:
    """A row for each network in each runtime; its time also as a multiple of the runtime's first network."""
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


def training_table(steps: "list[TrainingStep]") -> Table:
    """A row for each network in each runtime; time and memory also as multiples of the first row's."""
    table = Table(Column("network", overflow="fold"), "runtime")
    for column in ("ms per step", "quartiles", "× first", "kept for backward, MB", "× first"):
        table.add_column(column, justify="right")
    for step in steps:
        low, high = step.quartiles
        table.add_row(
            Text(step.name),
            step.runtime,
            f"{1e3 * step.seconds:.0f}",
            f"{1e3 * low:.0f}-{1e3 * high:.0f}",
            f"{step.seconds / steps[0].seconds:.2f}",
            _megabytes(step.saved_bytes),
            f"{step.saved_bytes / steps[0].saved_bytes:.2f}",
        )
    return table


def _megabytes(count: int | None) -> str:
    return DASH if count is None else f"{count / 1e6:.1f}"
