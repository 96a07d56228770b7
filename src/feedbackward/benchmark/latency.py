"""Inference of several networks, each in one runtime, timed in turns."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from feedbackward.benchmark.candidates import create_candidate, explaining_run
from feedbackward.benchmark.memory import Memory, measure_memory
from feedbackward.benchmark.runtimes import RUNTIMES, Workload
from feedbackward.benchmark.timing import matmul_rate, median_and_quartiles, time_interleaved
from feedbackward.errors import InputError
from feedbackward.models.costs import flops


@dataclass(frozen=True)
class Entry:
    """One network in one runtime.

    Args:
        name: Name of the network, see create_candidate.
        runtime: One of RUNTIMES.
    """

    name: str
    runtime: str


@dataclass(frozen=True)
class Result:
    """The measurements of one entry.

    Args:
        name: Name of the network.
        runtime: Its runtime.
        seconds: Median time of a batch.
        quartiles: First and third quartile of that time.
        images_per_second: Throughput at the median.
        parameters: Number of parameters that the output depends on, shared ones counted once.
        flops: FLOPs of one image.
        matmul_share: FLOPs per second at the median, relative to the device's rate in matrix products.
        file_bytes: Size of the exported file; None in runtimes that run the network itself.
        memory: Memory of network and inference; None if it was not measured.
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


def measure_inference(
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
    """Time networks in turns: on the CPU in float32, in the runtime "cuda" on a GPU in bfloat16.

    Args:
        entries: The networks and their runtimes.
        size: Height and width of the images.
        batch: Number of images per call.
        threads: Threads of every runtime; PyTorch's default if None.
        repeats: Number of timed calls of each entry.
        memory: Whether to measure the memory of each entry too, in a separate process.
        tolerance: Largest difference between an exported file and its network, see `export`.
        say: Called with a line of progress.

    Raises:
        InputError: If a network or a runtime is unknown, or a network does not run on such images or in a runtime.
    """
    for entry in entries:
        if entry.runtime not in RUNTIMES:
            raise InputError(f"unknown runtime {entry.runtime!r}; expected one of {', '.join(RUNTIMES)}")
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
        times = time_interleaved([partial(one.run, image) for one in prepared], repeats=repeats)
        rates = {device: max(rate, matmul_rate(*device)) for device, rate in rates.items()}
        memories: list[Memory | None] = [None] * len(entries)
        if memory:
            say("measuring memory")
            memories = [
                measure_memory(entry.name, entry.runtime, shape, threads=torch.get_num_threads(), file=one.file)
                for entry, one in zip(entries, prepared, strict=True)
            ]
    results = []
    for entry, one, taken, held in zip(entries, prepared, times, memories, strict=True):
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
    """The number of parameters that a network's output depends on, and the FLOPs of one image."""
    network = create_candidate(name).to("meta").requires_grad_()
    with explaining_run(name, 1, size):
        network(torch.empty(1, 3, *size, device="meta")).sum().backward()
    used = [parameter.numel() for parameter in network.parameters() if parameter.grad is not None]
    return sum(used), flops(network, size)
