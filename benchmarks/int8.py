"""Networks in 8-bit integers beside float32 in onnxruntime: time, mean IoU on CamVid's val and size of the file.

    python benchmarks/int8.py NETWORK ... --data CAMVID [--size 512,1024] [--threads 2] [--repeats 10] [--json FILE]

A NETWORK is the folder of a saved network, trained on CamVid. Its files are timed in turns on one image of --size, on
an idle machine, and scored on the images as the network resizes them.
"""

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.cli.main import main as feedbackward
from feedbackward.cli.parser import height_width
from feedbackward.exporting import export, load_exported
from feedbackward.machine import describe_machine
from feedbackward.models.saved import load_network


def measure(
    network: Path, data: Path, folder: Path, *, size: tuple[int, int], threads: int, repeats: int
) -> list[dict[str, Any]]:
    """A result for each file of a network."""
    loaded = load_network(network)
    folder.mkdir()
    files = {precision: folder / f"{precision}.onnx" for precision in ("float32", "int8")}
    export(loaded, files["float32"])
    feedbackward(
        ["quantize", "--model", str(network), "--calibration", str(data / "train"), "--output", str(files["int8"])]
    )
    image = torch.rand(1, loaded.preprocessing.in_channels, *size)
    calls = [partial(load_exported(file, threads=threads).outputs, image) for file in files.values()]
    results = []
    for (precision, file), taken in zip(files.items(), time_interleaved(calls, repeats=repeats), strict=True):
        seconds, quartiles = median_and_quartiles(taken)
        results.append(
            {
                "name": network.name,
                "precision": precision,
                "seconds": seconds,
                "quartiles": quartiles,
                "mean_iou": mean_iou(file, data),
                "file_bytes": file.stat().st_size,
            }
        )
    return results


def mean_iou(file: Path, data: Path) -> float:
    """The mean IoU of a file on CamVid's val."""
    scores = file.with_suffix(".json")
    folders = ["--source", str(data / "val"), "--ground-truth", str(data / "valannot")]
    feedbackward(["evaluate", "--dataset", "camvid", *folders, "--model", str(file), "--json", str(scores)])
    found: float = json.loads(scores.read_text())["scalars"]["mean_iou"]
    return found


def main() -> None:
    """Measure each network and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path, nargs="+", metavar="NETWORK")
    parser.add_argument("--data", type=Path, required=True, help="folder of CamVid")
    parser.add_argument("--size", type=height_width, default="512,1024", help="of the image (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="of onnxruntime (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="timed calls of each file (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the measurements to")
    options = parser.parse_args()
    results = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder:
        for network in options.networks:
            chosen = {name: getattr(options, name) for name in ("size", "threads", "repeats")}
            results += measure(network, options.data, Path(folder, network.name), **chosen)
    if options.json:
        options.json.write_text(json.dumps({"machine": describe_machine(), "results": results}, indent=1) + "\n")
    table = Table("network", "", "ms", "mean IoU", "file, MB")
    for one in results:
        numbers = (1e3 * one["seconds"], 100 * one["mean_iou"], one["file_bytes"] / 1e6)
        table.add_row(one["name"], one["precision"], *(f"{number:.1f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    main()
