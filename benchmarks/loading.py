"""Images a second that a training loads: a plain torchvision loader, ours, and ours with a prepared cache.

    python benchmarks/loading.py [--json FILE]
    python benchmarks/loading.py --images 12 --epochs 2 --repeats 1 --steps 1  # a rehearsal

Random JPEGs with PNG masks are written into a temporary folder, and resized, scaled, cropped and flipped alike
by all loaders. Each measurement runs in a process of its own, in turns. The first epoch of the cache fills it, and does
not count. At last a network trains on the images of each loader, and on a batch that needs no loading.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data import FolderData
from feedbackward.data.augmentation import RECOMMENDED
from feedbackward.io import write_json
from feedbackward.losses import CrossEntropyLoss
from feedbackward.machine import describe_machine
from feedbackward.models import create_model

PLAIN, OURS, CACHED, FIXED = "torchvision", "feedbackward", "feedbackward, data.cache", "no loading"
ENCODER, CLASSES, THREADS = "mobilenetv2_100", 19, 2
VOID = 255


@dataclass(frozen=True)
class Workload:
    """What is loaded, and how.

    Args:
        folder: Images and masks as FolderData reads them, and the caches.
        size: Height and width to which images are resized and cropped.
        batch: Images in a batch.
        workers: Processes that load.
    """

    folder: Path
    size: tuple[int, int]
    batch: int
    workers: int

    def loader(self, candidate: str) -> Any:
        """The training batches; each iteration is an epoch."""
        options = {"batch_size": self.batch, "num_workers": self.workers}
        if candidate == PLAIN:
            dataset = Plain(self.folder, self.size)
            return DataLoader(dataset, shuffle=True, drop_last=True, persistent_workers=self.workers > 0, **options)
        cache = self.folder / f"cache_{os.getpid()}" if candidate == CACHED else None
        data = FolderData(root=self.folder, size=self.size, augmentation=RECOMMENDED, cache=cache, **options)
        data.setup("fit")
        return data.train_dataloader()


class Plain(Dataset[tuple[Tensor, Tensor]]):
    """The same in torchvision alone.

    Args:
        folder: Images and masks as FolderData reads them.
        size: Height and width to which images are resized and cropped.
    """

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.images = sorted((folder / "images" / "train").iterdir())
        self.size = size
        self.crop = v2.RandomCrop(size, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: VOID})
        self.flip = v2.RandomHorizontalFlip(RECOMMENDED.horizontal_flip)
        self.convert = v2.ToDtype({tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}, scale=True)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        path = self.images[index]
        mask = path.parents[2] / "masks" / "train" / f"{path.stem}.png"
        pair = tv_tensors.Image(Image.open(path).convert("RGB")), tv_tensors.Mask(Image.open(mask))
        scale = torch.empty(()).uniform_(*RECOMMENDED.scale).item()
        size = [round(length * scale) for length in self.size]
        image, target = self.convert(self.flip(self.crop(*v2.Resize(size, antialias=True)(*pair))))
        return image, target[0]


def draw(folder: Path, count: int, size: tuple[int, int], *, validation: int = 1, classes: int = CLASSES) -> None:
    """Write a data set of smooth random images with a little noise, which compress as photographs do."""
    (folder / "classes.yaml").write_text(f"classes: [{', '.join(f'class {index}' for index in range(classes))}]\n")
    height, width = size
    for split, number in (("val", validation), ("train", count)):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(number):
            rng = np.random.default_rng(index)
            coarse = Image.fromarray(rng.integers(0, 256, (height // 30, width // 30, 3), dtype=np.uint8))
            smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
            noisy = smooth + rng.normal(0, 4, (height, width, 1)).astype(np.float32)
            image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
            image.save(folder / "images" / split / f"{index:04}.jpg", quality=90)
            regions = np.asarray(coarse.convert("L").resize((width, height), Image.Resampling.BILINEAR))
            Image.fromarray((regions // (256 // classes) % classes).astype(np.uint8)).save(
                folder / "masks" / split / f"{index:04}.png"
            )


def load(workload: Workload, candidate: str, epochs: int) -> dict[str, Any]:
    """Images a second in each epoch, and the peak of the memory after it."""
    torch.set_num_threads(1)
    loader, rates, peaks = workload.loader(candidate), [], []
    for _ in range(epochs):
        start = time.perf_counter()
        images = sum(workload.batch for _ in loader)
        rates.append(images / (time.perf_counter() - start))
        peaks.append(peak_memory())
    return {"rates": rates, "peaks": peaks}


def train(workload: Workload, candidate: str, steps: int) -> dict[str, Any]:
    """Images a second that a network trains on, and the share of the time in which it waited for them."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    network = create_model(ENCODER, encoder_weights=None, classes=CLASSES).train()
    optimizer, loss = torch.optim.Adam(network.parameters()), CrossEntropyLoss()
    batches = fixed(workload) if candidate == FIXED else endless(workload.loader(candidate), fill=candidate == CACHED)
    waited = begun = 0.0
    for step in range(steps + 1):
        if step == 1:
            waited, begun = 0.0, time.perf_counter()
        asked = time.perf_counter()
        image, mask = next(batches)
        waited += time.perf_counter() - asked
        optimizer.zero_grad()
        loss(network(image), mask).backward()
        optimizer.step()
    seconds = time.perf_counter() - begun
    return {"rate": steps * workload.batch / seconds, "waited": waited / seconds}


def fixed(workload: Workload) -> Iterator[tuple[Tensor, Tensor]]:
    """One batch, again and again."""
    image = torch.rand(workload.batch, 3, *workload.size)
    mask = torch.randint(0, CLASSES, (workload.batch, *workload.size))
    while True:
        yield image, mask


def endless(loader: Any, *, fill: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of all epochs, without the first one if that fills a cache."""
    if fill:
        for _ in loader:
            pass
    while True:
        for batch in loader:
            yield (batch["image"], batch["mask"]) if isinstance(batch, dict) else batch


def peak_memory() -> int:
    """The sum of the largest resident sizes of this process and its workers so far, in bytes."""
    total = 0
    for pid in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return total


def apart(workload: Workload, candidate: str, **number: int) -> dict[str, Any]:
    """The result of `load` (epochs=...) or `train` (steps=...) in a process of its own."""
    ((name, value),) = number.items()
    job = {
        "candidate": candidate,
        name: value,
        "workload": [str(workload.folder), workload.size, workload.batch, workload.workers],
    }
    result = subprocess.run([sys.executable, __file__, "--job", json.dumps(job)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def work(job: dict[str, Any]) -> None:
    """What `apart` asks for."""
    folder, size, batch, workers = job.pop("workload")
    workload = Workload(Path(folder), tuple(size), batch, workers)
    print(json.dumps((load if "epochs" in job else train)(workload, **job)))


def measure(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each loader and number of workers, and for training without loading."""
    size = tuple(map(int, options.resized.split(",")))
    workloads = {workers: Workload(folder, size, options.batch, workers) for workers in options.workers}
    candidates = list(product(options.workers, (PLAIN, OURS, CACHED)))
    runs: dict[tuple[int, str], list[dict[str, Any]]] = {candidate: [] for candidate in candidates}
    for repeat, (workers, candidate) in product(range(options.repeats), candidates):
        print(f"{repeat + 1} of {options.repeats}: {candidate}, {workers} workers", file=sys.stderr)
        runs[workers, candidate].append(apart(workloads[workers], candidate, epochs=options.epochs))
    rows = []
    for (workers, candidate), own in runs.items():
        rates = [rate for run in own for rate in run["rates"][1:]]
        peaks = [statistics.median(epoch) for epoch in zip(*(run["peaks"] for run in own), strict=True)]
        rows.append(
            {"name": candidate, "workers": workers, "images_per_second": statistics.median(rates), "peaks": peaks}
        )
    workload = workloads[max(options.workers)]
    for row in (*(row for row in rows if row["workers"] == workload.workers), {"name": FIXED, "workers": 0}):
        print(f"training: {row['name']}", file=sys.stderr)
        found = apart(workload, row["name"], steps=options.steps)
        row |= {"trained_per_second": found["rate"], "waited": found["waited"]}
        if row["name"] == FIXED:
            rows.append(row)
    return rows


def main() -> None:
    """Measure, and print or write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--size", default="1080,1920", metavar="H,W", help="of the files")
    parser.add_argument("--resized", default="256,512", metavar="H,W", help="of the items")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--epochs", type=int, default=3, help="of a loader; the first one does not count")
    parser.add_argument("--repeats", type=int, default=3, help="times that each loader is measured")
    parser.add_argument("--steps", type=int, default=12, help="training steps")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job is not None:
        work(options.job)
        return
    with tempfile.TemporaryDirectory() as folder:
        height, width = map(int, options.size.split(","))
        draw(Path(folder), options.images, (height, width))
        rows = measure(Path(folder), options)
    for row in rows:
        print(json.dumps(row))
    if options.json is not None:
        write_json(options.json, {"machine": describe_machine(), "results": rows})


if __name__ == "__main__":
    main()
