"""Peak memory and time of `feedbackward predict` for large images, on an idle machine.

    python benchmarks/large_images.py [--sizes 4000,6000 15000,20000] [--formats jpg tif] [--json FILE]
    python benchmarks/large_images.py --sizes 900,1200 1500,2000 --large 2  # a rehearsal

Each prediction runs in a process of its own. Images of up to --large megapixels are predicted whole and in tiles, in
turns, --repeats times each, and the shortest time counts; before that, a prediction that does not count fills the
caches of the system. Larger images are read in bands, and masks and overlays are written. Exits with 1 if tiles of
4000x6000 take 2 GB or more than 1.3 of the whole image's time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.machine import describe_machine
from feedbackward.models import create_model

ENCODER, CLASSES = "mobilenetv2_100", 11
COMPARED = {"whole": ["--save", "masks", "--tile", "1000000,1000000"], "tiles": ["--save", "masks"]}
LARGE = {"masks and overlays": ["--save", "masks", "overlays"]}
"""The ways in which images up to the limit and above it are predicted."""

JUDGED, MOST_MEMORY, MOST_TIME = (4000, 6000), 2e9, 1.3
CHILD = """
import json, sys, time
from pathlib import Path
import feedbackward.models, feedbackward.segmenters.inference
from feedbackward.cli.main import main
start = time.perf_counter()
main(sys.argv[1:])
seconds = time.perf_counter() - start
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "peak_bytes": peak}))
"""
"""It reads its own peak memory: the count that the system keeps for children includes the memory of their parent."""


def save_network(folder: Path) -> None:
    """Save the network, with random weights."""
    torch.manual_seed(0)
    network = create_model(ENCODER, encoder_weights=None, classes=CLASSES)
    names = tuple(f"class {index}" for index in range(CLASSES))
    network.class_table = ClassTable(names, tuple((20 * index, 90, 200) for index in range(CLASSES)))
    network.save_pretrained(folder)


def draw_image(path: Path, size: tuple[int, int]) -> None:
    """Write an image of random blocks, as JPEG or as TIFF in tiles."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    texture += rng.integers(0, 32, texture.shape, dtype=np.uint8)
    repeats = [-(-length // side) for length, side in zip(size, texture.shape, strict=False)]
    pixels = np.tile(texture, (*repeats, 1))[: size[0], : size[1]]
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="rgb", tile=(512, 512))
    else:
        Image.fromarray(pixels).save(path)


def predict(model: Path, image: Path, options: list[str]) -> dict[str, float]:
    """Seconds and peak memory of a prediction, without the time to start Python."""
    output = ["--output", str(image.parent / "predictions"), "--overwrite", "--quiet"]
    arguments = ["predict", str(model), str(image), *output, *options]
    result = subprocess.run([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return found


def measure(model: Path, image: Path, ways: dict[str, list[str]], *, repeats: int) -> dict[str, dict[str, float]]:
    """The shortest time and the largest peak of each way; the ways take turns, every other time in reverse."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for repeat in range(repeats):
        for way in list(ways)[:: 1 if repeat % 2 == 0 else -1]:
            runs[way].append(predict(model, image, ways[way]))
    return {
        way: {"seconds": min(run["seconds"] for run in own), "peak_bytes": max(run["peak_bytes"] for run in own)}
        for way, own in runs.items()
    }


def judge(size: tuple[int, int], found: dict[str, dict[str, float]]) -> str | None:
    """What the tiles of the judged size exceed, if anything."""
    if size != JUDGED:
        return None
    memory, ratio = found["tiles"]["peak_bytes"], found["tiles"]["seconds"] / found["whole"]["seconds"]
    if memory < MOST_MEMORY and ratio <= MOST_TIME:
        return None
    return f"tiles take {memory / 1e9:.2f} GB and {ratio:.2f} of the whole image's time"


def main() -> None:
    """Measure, print a row for each prediction, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["4000,6000", "15000,20000"], metavar="H,W")
    parser.add_argument("--formats", nargs="+", default=["jpg", "tif"], choices=["jpg", "tif"])
    parser.add_argument("--large", type=float, default=100, help="megapixels above which images are read in bands")
    parser.add_argument("--repeats", type=int, default=2, help="times that smaller images are predicted in each way")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        model, small = Path(folder, "model"), Path(folder, "small.jpg")
        save_network(model)
        draw_image(small, (512, 512))
        predict(model, small, [])
        for text, suffix in product(options.sizes, options.formats):
            height, width = map(int, text.split(","))
            image = Path(folder, f"image.{suffix}")
            draw_image(image, (height, width))
            is_large = height * width > options.large * 1e6
            ways = {
                way: [*arguments, "--large", str(options.large)]
                for way, arguments in (LARGE if is_large else COMPARED).items()
            }
            found = measure(model, image, ways, repeats=1 if is_large else options.repeats)
            for way, row in found.items():
                rows.append({"height": height, "width": width, "format": suffix, "way": way, **row})
                print(f"{height}x{width} {suffix} {way}: {row['seconds']:.1f} s, {row['peak_bytes'] / 1e9:.2f} GB")
            failures.append(judge((height, width), found))
    if options.json:
        options.json.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")
    if any(failures):
        sys.exit("; ".join(failure for failure in failures if failure))


if __name__ == "__main__":
    main()
