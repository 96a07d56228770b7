"""Interleaved timing, so that a disturbance of the machine affects every candidate equally."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F

WARM_UP = 2
REST = 0.1
"""Seconds before each call: a runtime's threads spin for a while after its last call, waiting for work."""
MATRIX = {"cpu": 2048, "cuda": 8192}
"""The side of the square matrices with which a device's rate is measured."""


def time_interleaved(calls: Sequence[Callable[[], object]], *, repeats: int) -> list[list[float]]:
    """Time several calls in turns, after a warm-up and with a rest before each call.

    Args:
        calls: The functions to time.
        repeats: How often to time each call.

    Returns:
        For each call the seconds of every repeat.
    """
    for call in calls:
        for _ in range(WARM_UP):
            call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, times, strict=True):
            time.sleep(REST)
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return times


def median_and_quartiles(times: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median, and the first and third quartile; of a single time they are equal."""
    if len(times) == 1:
        return times[0], (times[0], times[0])
    low, _, high = statistics.quantiles(times, n=4)
    return statistics.median(times), (low, high)


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """The FLOPs per second that a device reaches in the product of two large matrices.

    PyTorch has two libraries for it on the CPU, one for products and one for convolutions; the faster one counts.

    Args:
        device: The device; on the CPU PyTorch's threads are used.
        dtype: The type of the matrices.
    """
    side = MATRIX[device.type]
    left, right = torch.rand(2, side, side, device=device, dtype=dtype)
    image, weight = left.view(1, side, side, 1), right.view(side, side, 1, 1)
    products: list[Callable[[], object]] = [lambda: left @ right, lambda: F.conv2d(image, weight)]
    taken = time_interleaved([partial(_synchronized, product, device) for product in products], repeats=5)
    return float(2 * side**3 / min(map(min, taken)))


def _synchronized(call: Callable[[], object], device: torch.device) -> None:
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
