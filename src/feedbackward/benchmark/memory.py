"""Memory of a network and one inference, on the CPU or the GPU, measured in a separate process."""

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.runtimes import RUNTIMES, Prepared, Workload
from feedbackward.errors import InputError
from feedbackward.exporting.formats import SUFFIXES

PEAK, NOW = "VmHWM", "VmRSS"
"""Lines of /proc/self/status: peak and current resident memory of the process."""


@dataclass(frozen=True)
class Memory:
    """Memory of a process, less what it used before the network was loaded.

    Args:
        loaded_bytes: With the network ready to run.
        peak_bytes: At the peak of an inference.
    """

    loaded_bytes: int
    peak_bytes: int


def measure_memory(
    name: str, runtime: str, shape: tuple[int, int, int, int], *, threads: int, file: Path | None = None
) -> Memory:
    """Measure the memory of a network and one inference in a separate process.

    Args:
        name: Name of the network, see create_candidate.
        runtime: One of RUNTIMES.
        shape: Shape of the images (N, 3, H, W).
        threads: Threads of the runtime.
        file: The exported file that the runtime loads; the memory of the export is then not counted.

    Raises:
        InputError: On systems other than Linux, whose kernel keeps the count.
    """
    if not Path("/proc/self/clear_refs").exists():
        raise InputError("peak memory is read from /proc, which only Linux has; omit --memory")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, name, runtime, shape, threads, file).result()


def _measure(name: str, runtime: str, shape: tuple[int, int, int, int], threads: int, file: Path | None) -> Memory:
    torch.set_num_threads(threads)
    image = torch.rand(shape)
    for package in SUFFIXES[file.suffix].needs if file is not None else ():
        import_module(package)
    before = _status(NOW)
    with tempfile.TemporaryDirectory() as folder:
        if file is None:
            prepared = RUNTIMES[runtime](create_candidate(name), Workload(image, Path(folder)))
        else:
            # Not load_exported, which refuses the outputs of an encoder alone.
            run, _ = SUFFIXES[file.suffix].read(file, threads)
            prepared = Prepared(lambda image: run(image.numpy()))
        if prepared.device.type == "cuda":
            return _on_gpu(prepared, image)
        loaded = _status(NOW) - before
        prepared.run(image)
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        prepared.run(image)
    return Memory(loaded, _status(PEAK) - before)


def _on_gpu(prepared: Prepared, image: Tensor) -> Memory:
    loaded = torch.cuda.memory_allocated(prepared.device)
    prepared.run(image)
    torch.cuda.reset_peak_memory_stats(prepared.device)
    prepared.run(image)
    return Memory(loaded, torch.cuda.max_memory_allocated(prepared.device))


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))
