"""CPU time per pair of `feedbackward evaluate` and of the official Cityscapes evaluator.

    pip install "cityscapesScripts==2.3.0" "numpy<2.4"    # beside feedbackward, in an environment of its own
    python benchmarks/evaluation_time.py [PAIRS]

Both score the same synthetic 1024x2048 pairs from PNG files, in turns, in one process and on one thread. Exits with
1 if their results differ or feedbackward takes more than half the time.
"""

import importlib
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data import find_source
from feedbackward.data.predictions import PredictionPair
from feedbackward.metrics import Scores, score_files

HEIGHT, WIDTH = 1024, 2048
SOURCE = find_source("cityscapes")
ROUNDS = 5
LIMIT = 0.5
"""The largest ratio of the two times that passes."""
# Roughly the mix of classes in Cityscapes, with 20 instances per image.
INSTANCES = {24: 0.3, 25: 0.05, 26: 0.45, 27: 0.02, 28: 0.02, 31: 0.01, 32: 0.05, 33: 0.1}


def draw_truth(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Label ids and instance ids of a street: bands with wavy borders, poles, signs and elliptic objects."""
    y, x = np.arange(HEIGHT)[:, None], np.arange(WIDTH)

    def border(level: float, swing: float) -> NDArray[np.float64]:
        waves = [
            rng.normal() * swing / k * np.sin(2 * math.pi * k * x / WIDTH + rng.uniform(0, 2 * math.pi))
            for k in range(1, 30)
        ]
        return level * HEIGHT + np.sum(waves, axis=0)

    labels = np.full((HEIGHT, WIDTH), 11, np.uint8)
    labels[y < border(0.2, 30)] = 23
    labels[(y > border(0.25, 50)) & (y < border(0.4, 30))] = 21
    for label, level in ((8, 0.5), (7, 0.56), (1, 0.93)):
        labels[y > border(level, 8)] = label
    for _ in range(12):
        left, top = rng.integers(0, WIDTH - 30), rng.integers(HEIGHT // 4, HEIGHT // 2)
        labels[top : int(0.55 * HEIGHT), left : left + rng.integers(4, 12)] = 17
        labels[top : top + 30, left : left + 30] = rng.choice((19, 20))
    instances = labels.astype(np.uint16)
    for number in range(20):
        label = int(rng.choice(list(INSTANCES), p=list(INSTANCES.values())))
        width = rng.uniform(30, 160) if label > 25 else rng.uniform(8, 25)
        height = rng.uniform(25, 85)
        inside = ((y - HEIGHT * rng.uniform(0.53, 0.67)) / height) ** 2 + ((x - rng.uniform(0, WIDTH)) / width) ** 2 < 1
        labels[inside], instances[inside] = label, label * 1000 + number
    return labels, instances


def draw_prediction(rng: np.random.Generator, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A prediction like that of a coarse network: blocks of 8 pixels, wavy borders, 2 % of the blocks wrong."""
    coarse = labels[::8, ::8]
    wrong = rng.random(coarse.shape) < 0.02
    coarse = np.where(wrong, rng.choice((7, 8, 11, 21, 24, 26), size=coarse.shape), coarse)
    coarse = np.where(coarse < 7, 7, coarse).astype(np.uint8)
    shift = np.round(3 * np.sin(np.arange(WIDTH) / 5)).astype(int)
    rows = np.clip(np.arange(HEIGHT)[:, None] + shift, 0, HEIGHT - 1)
    return np.kron(coarse, np.ones((8, 8), np.uint8))[rows, np.arange(WIDTH)]


def write_pairs(root: Path, count: int) -> list[PredictionPair]:
    """Draw the pairs in the layout of Cityscapes."""
    rng = np.random.default_rng(0)
    truth, predictions = root / "gtFine" / "val" / "ulm", root / "predictions"
    truth.mkdir(parents=True)
    predictions.mkdir()
    for number in range(count):
        labels, instances = draw_truth(rng)
        scene = f"ulm_{number:06}_000019"
        Image.fromarray(labels).save(truth / f"{scene}_gtFine_labelIds.png")
        Image.fromarray(instances).save(truth / f"{scene}_gtFine_instanceIds.png")
        Image.fromarray(draw_prediction(rng, labels)).save(predictions / f"{scene}.png")
    return SOURCE.pair(root / "gtFine", predictions)


def official_evaluator() -> ModuleType:
    """The official evaluator, set to print and write nothing."""
    try:
        evaluator = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    except ImportError as error:
        sys.exit(f'{error}; run: pip install "cityscapesScripts==2.3.0" "numpy<2.4"')
    if not callable(getattr(np, "in1d", None)):
        sys.exit(f'the official evaluator fails on numpy {np.__version__}; run: pip install "numpy<2.4"')
    evaluator.args.quiet, evaluator.args.JSONOutput = True, False
    return evaluator


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the process over all threads, and the result."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def score(pairs: list[PredictionPair]) -> Scores:
    """The scores of the pairs, on one thread."""
    return score_files(pairs, classes=SOURCE.read_classes(), scoring=SOURCE.scoring)


def compare(official: dict[str, Any], ours: dict[str, Any]) -> None:
    """Exit if the two results differ."""
    averages = [key for key in official if key.startswith("average")]
    if official["confMatrix"] != ours["confMatrix"] or any(abs(official[k] - ours[k]) > 1e-9 for k in averages):
        sys.exit(f"the results differ: official {official}, ours {ours}")


def judge(times: dict[str, list[float]]) -> None:
    """Print the ratio of the medians; exit if it is above the limit."""
    ratio = median(times["feedbackward"]) / median(times["official"])
    print(f"ratio of the medians     {ratio:6.2f}")
    if ratio > LIMIT:
        sys.exit(f"feedbackward takes more than {LIMIT} of the time of the official evaluator")


def main() -> None:
    """Time both and judge the ratio."""
    evaluator = official_evaluator()
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    times: dict[str, list[float]] = {"official": [], "feedbackward": []}
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_pairs(Path(folder), count)
        print(f"{count} pairs of {HEIGHT}x{WIDTH}, {ROUNDS} rounds, numpy {np.__version__}, torch {torch.__version__}")
        paths = [str(pair.prediction) for pair in pairs], [str(pair.ground_truth) for pair in pairs]
        for _ in range(ROUNDS):
            seconds, theirs = timed(lambda: evaluator.evaluateImgLists(*paths, evaluator.args))
            times["official"].append(seconds / count)
            seconds, ours = timed(lambda: score(pairs).to_official())
            times["feedbackward"].append(seconds / count)
            compare(theirs, ours)
    compiled = "compiled" if evaluator.CSUPPORT else "plain Python"
    for name, seconds in times.items():
        form = f" ({compiled})" if name == "official" else ""
        print(f"{name + form:<24} {1000 * median(seconds):6.1f} ms CPU per pair, minimum {1000 * min(seconds):6.1f}")
    judge(times)


if __name__ == "__main__":
    main()
