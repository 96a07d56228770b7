"""Times what users wait for and writes it to one JSON file, for bench_compare.py to compare with another one.

On an idle machine, about ten minutes on two cores:

    python benchmarks/bench.py --json FILE [--only GROUP,GROUP]

Each figure is the median of several runs and its quartiles. Beside it stand the rates of the machine just before and
after it, since those of virtual machines change from hour to hour.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from bench_figure import Figure, write_figures
from build_time import measure as measure_build
from evaluation_time import score, write_pairs
from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.runtimes import RUNTIMES, Workload
from feedbackward.benchmark.timing import matmul_rate, median_and_quartiles, time_interleaved
from feedbackward.benchmark.training import measure_training
from feedbackward.errors import InputError, listed
from feedbackward.io import check_target
from startup_time import Command, own_commands, run

REPEATS = 7
COPIED = 2**28
"""Bytes that are copied to measure the rate of the memory: more than any cache holds."""
Times = dict[str, Sequence[float]]
"""Seconds of each run, by the name of what was run."""


def main(args: Sequence[str] | None = None) -> None:
    """Time the groups and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--only", type=lambda names: names.split(","), default=list(GROUPS), metavar="GROUP,GROUP")
    options = parser.parse_args(args)
    try:
        if unknown := [name for name in options.only if name not in GROUPS]:
            raise InputError(f"--only: no group {listed(unknown)}; expected some of {listed(GROUPS)}")
        check_target(options.json, option="--json")
    except InputError as error:
        sys.exit(f"error: {error}")
    figures = list[Figure]()
    for name in options.only:
        print(name, flush=True)
        figures += measure(GROUPS[name])
    write_figures(options.json, figures)


def measure(group: Callable[[Path], Times]) -> list[Figure]:
    """The figures of a group, between two measurements of the machine."""
    rates = [machine_rates()]
    with tempfile.TemporaryDirectory() as folder:
        times = group(Path(folder))
    rates.append(machine_rates())
    matmul, memory = (sum(values) / len(values) for values in zip(*rates, strict=True))
    figures = list[Figure]()
    for name, taken in times.items():
        median, (low, high) = median_and_quartiles(taken)
        figures.append(Figure(name, median, low, high, matmul, memory))
    return figures


def machine_rates() -> tuple[float, float]:
    """The machine's rates of matrix products and of copies, as in Figure."""
    source, target = torch.ones(2, COPIED, dtype=torch.uint8)
    (taken,) = time_interleaved([lambda: target.copy_(source)], repeats=5)
    return matmul_rate(torch.device("cpu"), torch.float32), COPIED / min(taken)


def inference(folder: Path) -> Times:
    """Exported files of mobilenetv2_100 at 512x1024 in onnxruntime, on two threads, in turns."""
    names = ("timm/mobilenetv2_100", "feedbackward/mobilenetv2_100", "smp/Unet/mobilenet_v2")
    names += ("feedbackward/mobilenetv2_100?retrace=transitions",)
    image, calls = torch.rand(1, 3, 512, 1024), list[Callable[[], object]]()
    torch.set_num_threads(2)
    for number, name in enumerate(names):
        own = folder / str(number)
        own.mkdir()
        prepared = RUNTIMES["onnxruntime"](create_candidate(name), Workload(image, own))
        calls.append(partial(prepared.run, image))
    return dict(zip((f"inference of {name}" for name in names), time_interleaved(calls, repeats=REPEATS), strict=True))


def training(_: Path) -> Times:
    """A training step of 256x512 and a batch of 2, on two threads, in turns."""
    names = ("feedbackward/mobilenetv2_100", "smp/Unet/mobilenet_v2")
    steps = measure_training(names, size=(256, 512), batch=2, threads=2, repeats=REPEATS)
    return {f"training step of {step.name}": (step.quartiles[0], step.seconds, step.quartiles[1]) for step in steps}


def building(_: Path) -> Times:
    """Tracing an encoder and appending its decoder, on one thread."""
    torch.set_num_threads(1)
    names = ("resnet50", "densenet121", "nfnet_f7")
    return {f"decoder of {name}": [measure_build(name, 1)["build"] for _ in range(REPEATS)] for name in names}


def commands(folder: Path) -> Times:
    """Whole commands, from the start of the process to its end."""
    wanted = ("--help", "predict with an ONNX file, one image", "evaluate, one pair of masks", "info resnet18")
    chosen: list[Command] = [
        command for command in own_commands(folder) if command.name.removeprefix("feedbackward ") in wanted
    ]
    for repeat in range(REPEATS + 1):
        for command in chosen:
            run(command, keep=repeat > 0)  # the first run fills the caches
    return {command.name: command.wall for command in chosen}


def scoring(folder: Path) -> Times:
    """The scores of four pairs of 1024x2048, on one thread, PNG decoding included."""
    torch.set_num_threads(1)
    pairs, taken = write_pairs(folder, 4), list[float]()
    for _ in range(REPEATS):
        start = time.perf_counter()
        score(pairs)
        taken.append(time.perf_counter() - start)
    return {"Cityscapes scores of four pairs": taken}


GROUPS: dict[str, Callable[[Path], Times]] = {
    "inference": inference,
    "training": training,
    "building": building,
    "commands": commands,
    "scoring": scoring,
}
"""The measurements by their names on the command line."""


if __name__ == "__main__":
    main()
