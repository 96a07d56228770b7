"""Memory of `validate`, `predict` and `evaluate` over many frames: it must not grow. Half an hour on two cores.

    python benchmarks/memory_flat.py [--frames 600] [--size 1024,2048] [--json FILE]
    python benchmarks/memory_flat.py --frames 60 --size 64,128  # a rehearsal, which says nothing about memory

The frames are links to eight drawn ones. Each command runs in a process of its own, whose memory and that of its
workers is read four times a second: what they have for themselves, and their shares of what they have in common. The
first quarter of the time is not counted; exits with 1 if the mean of the last quarter is more than 5 % above that of
the second.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from feedbackward.machine import describe_machine

ENCODER, DRAWN, MOST_GROWTH = "mobilenetv3_small_050", 8, 1.05
CLASSES = "classes: [road, {name: sky, color: [70, 130, 180]}, {name: car, color: [0, 0, 142]}]\n"


def draw(root: Path, frames: int, size: tuple[int, int]) -> None:
    """Write a data set of noise: eight frames in train, and links to them in val."""
    (root / "classes.yaml").parent.mkdir(parents=True)
    (root / "classes.yaml").write_text(CLASSES, encoding="utf-8")
    random = np.random.default_rng(0)
    for kind, suffix, shape, most in (("images", ".jpg", (*size, 3), 256), ("masks", ".png", size, 3)):
        for split in ("train", "val"):
            (root / kind / split).mkdir(parents=True)
        for index in range(DRAWN):
            coarse = random.integers(0, most, (-(-shape[0] // 16), -(-shape[1] // 16), *shape[2:]), np.uint8)
            pixels = coarse.repeat(16, 0).repeat(16, 1)[: size[0], : size[1]]
            Image.fromarray(pixels).save(root / kind / "train" / f"{index}{suffix}")
        for index in range(frames):
            os.link(
                root / kind / "train" / f"{index % DRAWN}{suffix}", root / kind / "val" / f"frame_{index:05d}{suffix}"
            )


def run(*arguments: str) -> list[int]:
    """Run a command to its end and return its memory in bytes, over time."""
    process = subprocess.Popen([Path(sys.executable).with_name("feedbackward"), *arguments], stdout=subprocess.DEVNULL)
    samples = []
    while process.poll() is None:
        samples.append(sum(map(memory, tree(process.pid))))
        time.sleep(0.25)
    if process.returncode:
        raise SystemExit(f"error: feedbackward {' '.join(arguments)} ended with exit code {process.returncode}")
    return samples


def tree(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            started = children.read_text().split()
        except OSError:  # it ended meanwhile
            continue
        for child in started:
            yield from tree(int(child))


def memory(pid: int) -> int:
    """The bytes of a process, with its share of what it has in common with others; 0 if it ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def summarize(samples: list[int], frames: int) -> dict[str, float]:
    """Means of the second and the last quarter of the time, and the growth between them for 1,000 frames."""
    quarter = max(1, len(samples) // 4)
    early, late = statistics.mean(samples[quarter : 2 * quarter] or samples), statistics.mean(samples[-quarter:])
    return {
        "second_quarter_bytes": early,
        "last_quarter_bytes": late,
        "peak_bytes": max(samples),
        "growth_bytes_per_1000_frames": (late - early) / (0.625 * frames) * 1000,
    }


def measure(folder: Path, frames: int, size: tuple[int, int]) -> Iterator[tuple[str, dict[str, float]]]:
    """The name and the memory of each command."""
    data, training, trained = folder / "data", folder / "training", folder / "run"
    draw(data, frames, size)
    draw(training, 1, size)  # a training ends with a close look at all frames of its val
    few = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", "--trainer.limit_val_batches", "1"]
    recipe = ["--config", "scratch", "--data", "folder", "--data.root", str(training), "--model.name", ENCODER]
    run("fit", *recipe, "--run_dir", str(trained), "--data.batch_size", "1", *few)
    config, model, val = str(trained / "config.yaml"), str(trained / "model"), str(data / "images" / "val")
    truth = ["--ground-truth", str(data / "masks" / "val"), "--classes", str(data / "classes.yaml")]
    commands = {
        "validate": ["validate", "--config", config, "--data.root", str(data), "--trainer.limit_val_batches", "1.0"],
        "predict": ["predict", model, val, "--output", str(folder / "out"), "--save", "masks"],
        "evaluate": ["evaluate", "--dataset", "folder", *truth, "--model", model, "--source", val],
    }
    for name, command in commands.items():
        yield name, summarize(run(*command), frames)


def judge(found: dict[str, dict[str, float]]) -> str | None:
    """What is wrong with the numbers, if anything is."""
    growing = [
        name for name, row in found.items() if row["last_quarter_bytes"] > MOST_GROWTH * row["second_quarter_bytes"]
    ]
    return f"memory grows in {', '.join(growing)}" if growing else None


def main() -> None:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--size", type=lambda text: tuple(map(int, text.split(","))), default=(1024, 2048))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = dict[str, dict[str, float]]()
    with tempfile.TemporaryDirectory() as folder:
        for name, row in measure(Path(folder), given.frames, given.size):
            found[name], megabytes = row, {key: f"{value / 1e6:.0f}" for key, value in row.items()}
            print(
                f"{name}: {megabytes['second_quarter_bytes']} MB in the second quarter, "
                f"{megabytes['last_quarter_bytes']} MB in the last, {megabytes['growth_bytes_per_1000_frames']} MB for "
                f"1,000 frames; peak {megabytes['peak_bytes']} MB",
                flush=True,
            )
    if given.json is not None:
        result: dict[str, Any] = {"frames": given.frames, "size": given.size, "commands": found}
        given.json.write_text(json.dumps({**result, "machine": describe_machine()}, indent=1) + "\n", encoding="utf-8")
    if problem := judge(found):
        raise SystemExit(f"error: {problem}")


if __name__ == "__main__":
    main()
