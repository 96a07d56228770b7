"""The memory that a network and one inference take, measured in a process of their own."""

import multiprocessing
import tempfile
from pathlib import Path

import torch

from feedbackward.benchmark.contenders import create_contender
from feedbackward.benchmark.runtimes import RUNTIMES
from feedbackward.errors import InputError

PEAK, NOW = "VmHWM", "VmRSS"
"""Lines of /proc/self/status: the most memory that the process has held, and what it holds."""


def peak_bytes(name: str, runtime: str, shape: tuple[int, int, int, int], *, threads: int) -> int:
    """The most memory that a process holds in an inference, beyond what it held before it had the network.

    Args:
        name: The network.
        runtime: What runs it.
        shape: Of the images.
        threads: Of the runtime.

    Raises:
        InputError: If this is not Linux, whose kernel keeps the count.
    """
    if not Path("/proc/self/clear_refs").exists():
        raise InputError("peak memory is read from Linux's /proc, and there is none here; leave out --memory")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (name, runtime, shape, threads))


def _measure(name: str, runtime: str, shape: tuple[int, int, int, int], threads: int) -> int:
    torch.set_num_threads(threads)
    image = torch.rand(shape)
    before = _status(NOW)
    with tempfile.TemporaryDirectory() as folder:
        prepared = RUNTIMES[runtime](create_contender(name), image, Path(folder))
        prepared.run(image)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        prepared.run(image)
    return _status(PEAK) - before


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
