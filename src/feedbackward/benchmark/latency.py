"""Inference of several networks in turns, so that what disturbs the machine disturbs them alike."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.memory import Memory, measure_memory
from feedbackward.benchmark.runtimes import CPU, RUNTIMES, Workload
from feedbackward.errors import InputError
from feedbackward.models.costs import flops

WARM_UP = 2
REST = 0.1
"""Seconds before each call: the threads of a runtime stay busy for a while behind its last one, waiting for more."""
MATRIX = {"cpu": 2048, "cuda": 8192}
"""The side of the matrices whose product shows what a device can do."""


@dataclass(frozen=True)
class Entry:
    """One network in one runtime.

    Args:
        name: Of the network, as create_candidate takes it.
        runtime: One of RUNTIMES.
    """

    name: str
    runtime: str


@dataclass(frozen=True)
class Result:
    """What one entry showed.

    Args:
        name: Of the network.
        runtime: What ran it.
        seconds: The median time of a batch.
        quartiles: The times that a quarter and three quarters of the batches stayed below.
        images_per_second: By that median.
        parameters: The number of those that the output depends on, each counted once.
        flops: Of one image.
        matmul_share: The part that FLOPs and median make of the rate at which the device multiplies matrices.
        file_bytes: The size of its file, where it runs from one.
        memory: What it takes, where that was asked for.
    """

    name: str
    runtime: str
    seconds: float
    quartiles: tuple[float, float]
    images_per_second: float
    parameters: int
    flops: int
    matmul_share: float
    file_bytes: int | None
    memory: Memory | None


def race(
    entries: Sequence[Entry],
    *,
    size: tuple[int, int],
    batch: int = 1,
    threads: int | None = None,
    repeats: int = 10,
    memory: bool = False,
    tolerance: float | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> list[Result]:
    """Race networks: on the CPU in float32, in the runtime "cuda" on a GPU in bfloat16.

    Args:
        entries: The networks and their runtimes.
        size: Height and width of the images.
        batch: How many images run at once.
        threads: Of every runtime; PyTorch's own choice if None.
        repeats: How often each runs, in turns with the others.
        memory: Whether the memory of each is measured too, in a process of its own.
        tolerance: How far a file may differ from its network, as export() takes it.
        say: Called with a line about what is done.

    Raises:
        InputError: If a network or a runtime is unknown, or a network cannot run there.
    """
    for entry in entries:
        if entry.runtime not in RUNTIMES:
            raise InputError(f"unknown runtime {entry.runtime!r}; there are {', '.join(RUNTIMES)}")
    if threads is not None:
        torch.set_num_threads(threads)
    shape = (batch, 3, *size)
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    costs = {name: _cost(name, size) for name in dict.fromkeys(entry.name for entry in entries)}
    with tempfile.TemporaryDirectory() as folder:
        prepared = []
        for number, entry in enumerate(entries):
            say(f"preparing {entry.name} in {entry.runtime}")
            own = Path(folder, str(number))
            own.mkdir()
            prepared.append(RUNTIMES[entry.runtime](create_candidate(entry.name), Workload(image, own, tolerance)))
        say("running")
        devices = {(one.device, one.dtype) for one in prepared}
        rates = {device: matmul_rate(*device) for device in devices}
        times = in_turns([partial(one.run, image) for one in prepared], repeats=repeats)
        rates = {device: max(rate, matmul_rate(*device)) for device, rate in rates.items()}
        measured: list[Memory | None] = [None] * len(entries)
        if memory:
            say("measuring memory")
            measured = [
                measure_memory(entry.name, entry.runtime, shape, threads=torch.get_num_threads(), file=one.file)
                for entry, one in zip(entries, prepared, strict=True)
            ]
    results = []
    for entry, one, taken, held in zip(entries, prepared, times, measured, strict=True):
        parameters, cost = costs[entry.name]
        median, quartiles = median_and_quartiles(taken)
        results.append(
            Result(
                name=entry.name,
                runtime=entry.runtime,
                seconds=median,
                quartiles=quartiles,
                images_per_second=batch / median,
                parameters=parameters,
                flops=cost,
                matmul_share=batch * cost / median / rates[one.device, one.dtype],
                file_bytes=one.file_bytes,
                memory=held,
            )
        )
    return results


def _cost(name: str, size: tuple[int, int]) -> tuple[int, int]:
    """The parameters that a network's output depends on, each counted once, and its FLOPs for one image."""
    ghost = create_candidate(name).to("meta").requires_grad_()
    ghost(torch.empty(1, 3, *size, device="meta")).sum().backward()
    used = [parameter.numel() for parameter in ghost.parameters() if parameter.grad is not None]
    return sum(used), flops(ghost, size)


def median_and_quartiles(times: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median, and what a quarter and three quarters of the times stayed below."""
    low, _, high = statistics.quantiles(times, n=4)
    return statistics.median(times), (low, high)


def in_turns(calls: Sequence[Callable[[], object]], *, repeats: int) -> list[list[float]]:
    """The seconds that each call takes, every time: warmed up first, then in turns, with a rest before each."""
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


def matmul_rate(device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> float:
    """The FLOPs a second of a device in the product of two large matrices, on the CPU on PyTorch's threads.

    PyTorch has two libraries for that, one for products and one for convolutions; the faster one counts.

    Args:
        device: The device.
        dtype: The type of the matrices.
    """
    side = MATRIX[device.type]
    left, right = torch.rand(2, side, side, device=device, dtype=dtype)
    image, weight = left.view(1, side, side, 1), right.view(side, side, 1, 1)
    products: list[Callable[[], object]] = [lambda: left @ right, lambda: F.conv2d(image, weight)]
    taken = in_turns([partial(_finished, product, device) for product in products], repeats=5)
    return float(2 * side**3 / min(map(min, taken)))


def _finished(product: Callable[[], object], device: torch.device) -> None:
    product()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
