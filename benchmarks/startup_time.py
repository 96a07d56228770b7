"""Processor time of whole commands, from the start of the process to its end, as multiples of `import torch`.

    python benchmarks/startup_time.py [--repeats N] [--peer FOLDER ...] [--json FILE]

A peer is the bin folder of an environment in which ultralytics, transformers, anomalib or torchgeo is installed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from feedbackward import create_model, export
from feedbackward.cli.main import COMMANDS
from feedbackward.data import CAMVID
from feedbackward.io import write_json
from feedbackward.machine import describe_machine

HERE = Path(sys.executable).parent
PEERS = {
    "yolo": (["yolo", "help"],),
    "transformers": (["transformers", "--help"], ["transformers", "chat", "--help"]),
    "anomalib": (["anomalib", "train", "--help"],),
    "torchgeo": (["torchgeo", "fit", "--help"],),
}
"""Commands of other libraries that compute nothing, by the program in their environment's bin folder."""


@dataclass
class Command:
    """A command and how long each of its runs took.

    Args:
        name: The command as typed.
        arguments: The program and its arguments.
        status: The exit status that it must have.
        cpu: Processor seconds of the runs, of the process and of those that it started.
        wall: Seconds of the runs.
    """

    name: str
    arguments: list[str]
    status: int
    cpu: list[float]
    wall: list[float]


def main() -> None:
    """Run the commands in turns and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = [*own_commands(Path(folder)), *peer_commands(args.peer)]
        for repeat in range(args.repeats + 1):
            for command in commands:
                run(command, keep=repeat > 0)  # the first run writes bytecode and fills the file cache
    results = [
        {"name": command.name, "cpu": statistics.median(command.cpu), "wall": statistics.median(command.wall)}
        for command in commands
    ]
    Console(width=120).print(rendered(results))
    if args.json is not None:
        write_json(args.json, {"machine": describe_machine(), "results": results})


def own_commands(folder: Path) -> list[Command]:
    """Imports to compare with, and the commands of this library on files that are written into the folder."""
    file, images, masks = folder / "network.onnx", folder / "images", folder / "masks"
    torch.manual_seed(0)
    network = create_model("test_resnet", classes=len(CAMVID), encoder_weights=None).eval()
    network.class_table = CAMVID
    export(network, file)
    for path, shape in ((images, (64, 96, 3)), (masks, (64, 96))):
        path.mkdir()
        Image.fromarray(np.zeros(shape, dtype=np.uint8)).save(path / "a.png")
    predict = f"predict {file} {images} --output {folder / 'out'} --overwrite"
    evaluate = f"evaluate --dataset camvid --ground-truth {masks} --predictions {masks} --workers 1"
    lines = {
        "--help": "--help",
        **{f"{name} --help": f"{name} --help" for name in COMMANDS},
        "encoders 'resnet*'": "encoders resnet*",
        "predict with an ONNX file, one image": predict,
        "evaluate, one pair of masks": evaluate,
        "info resnet18": "info resnet18",
        "fit --config streets_demo --print_config": "fit --config streets_demo --print_config",
    }
    mistyped = {"predict --modle x": "predict --modle x", "fit --trainer.max_epoch 3": "fit --trainer.max_epoch 3"}
    imports = [(f'python -c "import {name}"', [sys.executable, "-c", f"import {name}"]) for name in ("torch", "timm")]
    return [
        *(Command(name, line, 0, [], []) for name, line in imports),
        *(
            Command(f"feedbackward {name}", [str(HERE / "feedbackward"), *line.split()], status, [], [])
            for group, status in ((lines, 0), (mistyped, 2))
            for name, line in group.items()
        ),
    ]


def peer_commands(folders: list[Path]) -> list[Command]:
    """The commands of the libraries in the environments."""
    return [
        Command(" ".join(line), [str(folder / line[0]), *line[1:]], 0, [], [])
        for folder in folders
        for program, lines in PEERS.items()
        if (folder / program).is_file()
        for line in lines
    ]


def run(command: Command, *, keep: bool) -> None:
    """Run a command once and record its times if `keep` is set."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with subprocess.Popen(
        command.arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.status:
        raise RuntimeError(f"{command.name} ended with status {process.returncode}: {errors.decode()}")
    if keep:
        command.wall.append(time.perf_counter() - start)
        command.cpu.append(usage.ru_utime + usage.ru_stime)


def rendered(results: list[dict[str, float | str]]) -> Table:
    """The results as a table."""
    table = Table("command", "CPU, s", "wall, s", "× import torch")
    for result in results:
        ratio = float(result["cpu"]) / float(results[0]["cpu"])
        table.add_row(str(result["name"]), f"{result['cpu']:.2f}", f"{result['wall']:.2f}", f"{ratio:.2f}")
    return table


if __name__ == "__main__":
    main()
