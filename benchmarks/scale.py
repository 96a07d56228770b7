"""How time and memory of a prediction grow, on an idle machine: about eight minutes on two cores, and 18 GB of memory.

    python benchmarks/scale.py [--only AXIS ...] [--images 10000] [--json FILE]
    python benchmarks/scale.py --size 160,320 --images 10  # a rehearsal

Each axis varies one number of a prediction: mobilenetv2_100 with random weights and 11 classes, an image of --size, two
threads. Each measurement runs in a process of its own: the median time of a few calls, and the peak of the resident
memory above that before the network was loaded. An exponent is the slope of the line that fits the logarithms: 1 is
linear, 0 does not grow.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # noqa: F401 - the memory of libraries is not that of a prediction
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import feedbackward as fb
import feedbackward.metrics.from_files
import feedbackward.segmenters.inference
from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.classes import ClassTable, void_index
from feedbackward.cli.main import main as run_command
from feedbackward.cli.parser import height_width
from feedbackward.exporting import export, load_exported
from feedbackward.machine import describe_machine
from feedbackward.models import SegmentationNetwork
from memory_flat import draw
from tasks import load_ours, memory, write_ours

ENCODER, FILE, SMALL, REPEATS = "mobilenetv2_100", "model.onnx", (64, 64), 3
"""The encoder, its exported file, the size of an image where there are many, and the calls that are timed."""


@dataclass(frozen=True)
class Case:
    """What is measured.

    Args:
        way: One of WAYS.
        size: Height and width of an image.
        batch: Images in a call.
        classes: Classes of the network.
        threads: Threads of the runtime.
        tasks: Tasks on one encoder.
        files: Images or pairs of masks that a command reads.
    """

    way: str
    size: tuple[int, int]
    batch: int = 1
    classes: int = 11
    threads: int = 2
    tasks: int = 1
    files: int = 1


def axes(size: tuple[int, int], most_files: int) -> dict[str, dict[int, Case]]:
    """The axes by name, each with its cases by the number that it varies."""
    file, network = Case("file", size), Case("network", size)
    sizes = [(round(size[0] * factor), round(size[1] * factor)) for factor in (0.25, 0.5, 1, 2, 4, 8)]
    counts = [10**power for power in range(int(math.log10(most_files)) + 1)]
    return {
        "pixels": {math.prod(one): replace(file, size=one) for one in sizes},
        "batch": {count: replace(file, size=sizes[0], batch=count) for count in (1, 2, 4, 8, 16, 32, 64)},
        "threads": {count: replace(file, threads=count) for count in (1, 2)},
        "classes": {count: replace(network, classes=count) for count in (2, 19, 100, 1000)},
        "pixels, 1000 classes": {math.prod(one): replace(network, size=one, classes=1000) for one in sizes[:4]},
        "tasks": {count: Case("tasks", size, tasks=count) for count in (1, 2, 5, 10)},
        "images": {count: Case("predict", SMALL, files=count) for count in counts},
        "pairs": {count: Case("evaluate", SMALL, files=count) for count in counts},
    }


def write_file(_: Case, folder: Path) -> None:
    """Export the network, once for all cases."""
    if not (folder / FILE).exists():
        export(_network(Case.classes), folder / FILE)


def load_file(case: Case, folder: Path) -> Callable[[], object]:
    """The exported file in onnxruntime, called with a batch."""
    segmenter = load_exported(folder / FILE, threads=case.threads)
    images = np.stack([_image(case.size).transpose(2, 0, 1) / np.float32(255)] * case.batch)
    return lambda: segmenter.logits(images)


def write_network(case: Case, folder: Path) -> None:
    """Save a network with the classes of a case."""
    _network(case.classes).save_pretrained(folder / f"{case.classes}_classes")


def load_network(case: Case, folder: Path) -> Callable[[], object]:
    """The saved network in PyTorch, called with an image for its mask."""
    torch.set_num_threads(case.threads)
    predictor = fb.load(folder / f"{case.classes}_classes", device="cpu", probabilities=False)
    image = _image(case.size)
    return lambda: predictor(image)


def write_tasks(case: Case, folder: Path) -> None:
    """Write the encoder and the adapters of benchmarks/tasks.py."""
    own = folder / f"{case.tasks}_tasks"
    own.mkdir()
    write_ours(case.tasks, own)


def load_tasks(case: Case, folder: Path) -> Callable[[], object]:
    """The tasks in PyTorch, called with an image for the logits of all."""
    torch.set_num_threads(case.threads)
    run, image = load_ours(folder / f"{case.tasks}_tasks"), torch.rand(1, 3, *case.size)
    return lambda: run(image.to(memory_format=torch.channels_last))


def write_pairs(case: Case, folder: Path) -> None:
    """Write images and masks, which are links to a few."""
    if not (folder / f"{case.files}_files").exists():
        draw(folder / f"{case.files}_files", case.files, case.size)


def load_evaluate(case: Case, folder: Path) -> Callable[[], object]:
    """The command that scores the masks against themselves."""
    data = folder / f"{case.files}_files"
    masks, classes = str(data / "masks/val"), str(data / "classes.yaml")
    return lambda: run_command(
        ["evaluate", "--dataset", "folder", "--ground-truth", masks, "--predictions", masks, "--classes", classes]
    )


def write_images(case: Case, folder: Path) -> None:
    """Export the network, and write the images."""
    write_file(case, folder)
    write_pairs(case, folder)


def load_predict(case: Case, folder: Path) -> Callable[[], object]:
    """The command that predicts the masks of the images with the exported file."""
    data = folder / f"{case.files}_files"
    output = ["--output", str(data / "predictions"), "--save", "masks", "--quiet"]
    return lambda: run_command(["predict", str(folder / FILE), str(data / "images/val"), *output])


WAYS: Mapping[str, tuple[Callable[[Case, Path], None], Callable[[Case, Path], Callable[[], object]]]] = {
    "file": (write_file, load_file),
    "network": (write_network, load_network),
    "tasks": (write_tasks, load_tasks),
    "predict": (write_images, load_predict),
    "evaluate": (write_pairs, load_evaluate),
}
"""What writes the files of a case, and what loads them for the call that is timed."""
COMMANDS = ("predict", "evaluate")
"""The ways that are called once, since they repeat the work themselves."""


def _network(classes: int) -> SegmentationNetwork:
    torch.manual_seed(0)
    network = fb.create_model(ENCODER, encoder_weights=None, classes=classes)
    void = void_index(classes)
    network.class_table = ClassTable(
        tuple(f"class {index}" for index in range(classes)),
        tuple((index // 256, index % 256, 200) for index in range(classes)),
        ignore_index=void,
        void_value=void,
    )
    return network


def _image(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)


def measure(case: Case, folder: Path) -> dict[str, float]:
    """Seconds of a call and peak memory, in this process, of a case whose files are written."""
    before = memory("VmRSS")
    run = WAYS[case.way][1](case, folder)
    if case.way in COMMANDS:
        start = time.perf_counter()
        run()
        taken = [time.perf_counter() - start]
    else:
        (taken,) = time_interleaved([run], repeats=REPEATS)
    return {"seconds": median_and_quartiles(taken)[0], "peak_bytes": memory("VmHWM") - before}


def measure_axis(cases: Mapping[int, Case], folder: Path) -> dict[str, Any]:
    """The measurements of an axis, each in a process of its own, and their exponents."""
    points = [{"number": number, **asdict(case), **_in_process(case, folder)} for number, case in cases.items()]
    return {
        "points": points,
        "time_exponent": exponent(points, "seconds"),
        "last_time_exponent": exponent(points[-2:], "seconds"),
        "memory_exponent": exponent(points, "peak_bytes"),
        "last_memory_exponent": exponent(points[-2:], "peak_bytes"),
    }


def _in_process(case: Case, folder: Path) -> dict[str, float]:
    WAYS[case.way][0](case, folder)
    arguments = ["--measure", json.dumps(asdict(case)), str(folder)]
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def exponent(points: list[dict[str, Any]], key: str) -> float:
    """The slope of the line that fits the logarithms of a measurement and of the number that an axis varies."""
    numbers, values = (np.log([point[name] for point in points]) for name in ("number", key))
    return float(np.polyfit(numbers, values, 1)[0])


def table_of(results: list[dict[str, Any]]) -> Table:
    """A row for each measurement and one for the exponents of each axis: of all, and of the last two."""
    table = Table("axis", "number", "ms", "peak, MB")
    for axis in results:
        for point in axis["points"]:
            cells = (f"{point['number']:,}", f"{1e3 * point['seconds']:,.1f}", f"{point['peak_bytes'] / 1e6:,.0f}")
            table.add_row(axis["axis"], *cells)
        both = (f"{axis[f'{of}_exponent']:.2f}, {axis[f'last_{of}_exponent']:.2f}" for of in ("time", "memory"))
        table.add_row(axis["axis"], "exponent", *both, end_section=True)
    return table


def main() -> None:
    """Measure each axis and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(axes(SMALL, 1)), choices=list(axes(SMALL, 1)), metavar="AXIS")
    parser.add_argument("--size", type=height_width, default="512,1024", help="of an image (default: %(default)s)")
    parser.add_argument("--images", type=int, default=10_000, help="most images and pairs (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the measurements to")
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        case, folder = options.measure
        print(json.dumps(measure(Case(**json.loads(case)), Path(folder))))
        return
    chosen = {name: cases for name, cases in axes(options.size, options.images).items() if name in options.only}
    with tempfile.TemporaryDirectory() as folder:
        results = [{"axis": name, **measure_axis(cases, Path(folder))} for name, cases in chosen.items()]
    if options.json:
        options.json.write_text(json.dumps({"machine": describe_machine(), "results": results}, indent=1) + "\n")
    Console().print(table_of(results))


if __name__ == "__main__":
    main()
