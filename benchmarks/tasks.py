"""Several tasks on one backbone against as many U-Nets: time, peak memory and size of the files, on an idle machine.

    python benchmarks/tasks.py [--tasks 1 2 5 10] [--size 512,1024] [--repeats 5] [--json FILE]

Both are on tf_efficientnet_lite0 with random weights and 11 classes a task, in PyTorch in float32. Each measurement
runs in a process of its own. Ours is loaded from the file of the backbone and an adapter in float16 for each task, the
U-Nets of segmentation_models_pytorch from a file of weights each.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_model, save_file, save_model
from torch import Tensor

import feedbackward as fb
from feedbackward.benchmark.peers import SmpNetwork
from feedbackward.cli.parser import height_width
from feedbackward.decoder_config import DecoderConfig
from feedbackward.machine import describe_machine
from feedbackward.models.encoder import create_encoder

ENCODER, CLASSES = "tf_efficientnet_lite0", 11
DECODER = DecoderConfig(rank=16, head_channels=64, head_strides="all")


def write_ours(count: int, folder: Path) -> None:
    """Write the backbone and its adapters."""
    save_file(create_encoder(ENCODER, weights=None, in_channels=3).state_dict(), folder / "backbone.safetensors")
    for number in range(count):
        network = fb.create_model(
            ENCODER,
            classes=CLASSES,
            encoder_weights=folder / "backbone.safetensors",
            decoder=DECODER,
            freeze_encoder=True,
        )
        network.save_adapter(folder / f"task{number}.safetensors", dtype="float16")


def load_ours(folder: Path) -> Callable[[Tensor], object]:
    """Load all adapters on the backbone."""
    adapters = sorted(folder.glob("task*.safetensors"))
    return fb.load_tasks(adapters, backbone=folder / "backbone.safetensors").to(memory_format=torch.channels_last)


def write_unets(count: int, folder: Path) -> None:
    """Write the weights of each U-Net."""
    for number in range(count):
        save_model(_unet(), str(folder / f"task{number}.safetensors"))


def load_unets(folder: Path) -> Callable[[Tensor], object]:
    """Load all U-Nets; called, they run one after the other."""
    networks = []
    for file in sorted(folder.glob("task*.safetensors")):
        network = _unet()
        load_model(network, file)
        networks.append(network.eval().to(memory_format=torch.channels_last))

    def run(image: Tensor) -> list[Tensor]:
        with torch.no_grad():
            return [network(image) for network in networks]

    return run


def _unet() -> SmpNetwork:
    return SmpNetwork("Unet", f"tu-{ENCODER}", encoder_weights=None, classes=CLASSES)


KINDS = {"ours": (write_ours, load_ours), "smp.Unet": (write_unets, load_unets)}


def measure(kind: str, folder: Path, size: tuple[int, int], repeats: int) -> dict[str, float]:
    """Median seconds of an image, and the memory of the process at its peak, less what the libraries take."""
    image = torch.rand(1, 3, *size).to(memory_format=torch.channels_last)
    before = memory("VmRSS")
    run = KINDS[kind][1](folder)
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run(image)
        taken.append(time.perf_counter() - start)
    return {"seconds": statistics.median(taken[1:]), "peak_bytes": memory("VmHWM") - before}


def memory(key: str) -> int:
    """A line of /proc/self/status in bytes: VmRSS is the resident memory now, VmHWM its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def main() -> None:
    """Measure each kind with each number of tasks in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1, 2, 5, 10], help="numbers of tasks")
    parser.add_argument("--size", default="512,1024", help="height and width of the image (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="images that are timed (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the measurements to")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        kind, folder = options.measure
        print(json.dumps(measure(kind, Path(folder), height_width(options.size), options.repeats)))
        return
    results = [
        {"tasks": count, "network": kind, **_in_process(kind, count, options.size, options.repeats)}
        for count in options.tasks
        for kind in KINDS
    ]
    if options.json:
        options.json.write_text(json.dumps({"machine": describe_machine(), "results": results}, indent=1) + "\n")
    table = Table("tasks", "network", "ms", "peak, MB", "files, MB")
    for row in results:
        numbers = (1e3 * row["seconds"], row["peak_bytes"] / 1e6, row["file_bytes"] / 1e6)
        table.add_row(str(row["tasks"]), row["network"], *(f"{number:,.1f}" for number in numbers))
    Console().print(table)


def _in_process(kind: str, count: int, size: str, repeats: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        KINDS[kind][0](count, Path(folder))
        arguments: Sequence[str] = ("--measure", kind, folder, "--size", size, "--repeats", str(repeats))
        done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True)
        files = sum(file.stat().st_size for file in Path(folder).iterdir())
        return {**json.loads(done.stdout.splitlines()[-1]), "file_bytes": files}


if __name__ == "__main__":
    main()
