"""Bare loops, each of which does one part of what a command does: seconds for each image, pair or step.

    python benchmarks/bare_loops.py LOOP PATH ... --count N

What a loop needs is loaded before its time begins; see LOOPS for their paths.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data import FolderData
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models import create_model
from feedbackward.models.saved import load_network

BATCH, LEARNING_RATE = 4, 0.01
KEPT = 20
"""The most images, and batches, that are in memory: they are used again and again."""


def session(file: Path, images: Path, *, count: int) -> float:
    """An ONNX file in onnxruntime."""
    network = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    inputs = [{"image": unit(path)} for path in kept(images)]
    return timed(lambda image: network.run(None, image), inputs, count)


def decoding(images: Path, *, count: int) -> float:
    """Pillow."""
    return timed(decoded, sorted(images.iterdir()), count)


def writing(masks: Path, *, count: int) -> float:
    """PNG files of masks, with Pillow."""
    with tempfile.TemporaryDirectory() as folder:
        files = [(Image.fromarray(decoded(path)), Path(folder, path.name)) for path in kept(masks)]
        return timed(lambda file: file[0].save(file[1]), files, count)


@torch.inference_mode()
def network(folder: Path, images: Path, *, count: int) -> float:
    """A saved network in PyTorch."""
    loaded = load_network(folder).eval().to(memory_format=torch.channels_last)
    normalized = [loaded.preprocessing(torch.from_numpy(unit(path))) for path in kept(images)]
    return timed(loaded, [image.contiguous(memory_format=torch.channels_last) for image in normalized], count)


def counting(ground_truth: Path, predictions: Path, *, count: int) -> float:
    """Pairs of masks, decoded by Pillow and counted by NumPy, on as many threads as there are cores."""
    pairs = [(path, predictions / path.name) for path in sorted(ground_truth.iterdir())[:count]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return timed(lambda every: sum(pool.map(confusion, every)), [pairs], 1) / len(pairs)


def training(data: Path, *, count: int) -> float:
    """Training steps on batches that are loaded already."""
    source = FolderData(root=data, batch_size=BATCH, num_workers=0)
    source.setup("fit")
    batches = [
        (batch["image"].contiguous(memory_format=torch.channels_last), batch["mask"])
        for batch in islice(source.train_dataloader(), KEPT)
    ]
    trained = create_model("mobilenetv2_100", encoder_weights=None, classes=len(source.class_table)).train()
    trained.to(memory_format=torch.channels_last)
    optimizer, loss = torch.optim.Adam(trained.parameters(), lr=LEARNING_RATE), CrossEntropyIoULoss()
    normalized = [(trained.preprocessing(image), mask) for image, mask in batches]

    def step(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        optimizer.zero_grad()
        loss(trained(batch[0]), batch[1]).backward()
        optimizer.step()

    return timed(step, normalized, count)


LOOPS: dict[str, Callable[..., float]] = {
    loop.__name__: loop for loop in (session, decoding, writing, network, counting, training)
}
"""The loops by their names on the command line; their positional arguments are the paths."""


def timed(step: Callable[[Any], object], items: Sequence[Any], count: int) -> float:
    """Seconds of a step, of so many on the items, which are used again and again; a first one does not count."""
    step(items[0])
    start = time.perf_counter()
    for item in islice(cycle(items), count):
        step(item)
    return (time.perf_counter() - start) / count


def kept(folder: Path) -> list[Path]:
    """The first files of a folder."""
    return sorted(folder.iterdir())[:KEPT]


def decoded(path: Path) -> NDArray[Any]:
    """The pixels of a file."""
    return np.asarray(Image.open(path))


def unit(path: Path) -> NDArray[np.float32]:
    """An image (1, 3, H, W) in [0, 1]."""
    return np.ascontiguousarray(decoded(path).transpose(2, 0, 1)[None], np.float32) / 255


def confusion(pair: tuple[Path, Path]) -> NDArray[np.intp]:
    """The number of pixels of each pair of values."""
    truth, prediction = map(decoded, pair)
    return np.bincount(256 * truth.ravel().astype(np.intp) + prediction.ravel(), minlength=1 << 16)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loop", choices=LOOPS)
    parser.add_argument("path", type=Path, nargs="+")
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    print(LOOPS[options.loop](*options.path, count=options.count))
