"""The ways to run a network that are raced: in PyTorch, on the CPU or a GPU, and as exported files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from feedbackward.exporting import FORMATS, export, load_exported
from feedbackward.models import Feedbackward, SegmentationNetwork, optimize
from feedbackward.segmenters import choose_device

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to run.

    Args:
        run: Takes images.
        file: The file that it runs from, where there is one.
        file_bytes: The size of that, with what belongs to it.
        device: What it runs on.
        dtype: The type in which that multiplies.
    """

    run: Callable[[Tensor], object]
    file: Path | None = None
    file_bytes: int | None = None
    device: torch.device = CPU
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Workload:
    """What networks are raced over.

    Args:
        image: The images that will be run.
        folder: For files.
        tolerance: How far a file may differ from its network, as export() takes it.
    """

    image: Tensor
    folder: Path
    tolerance: float | None = None


Prepare = Callable[[SegmentationNetwork, Workload], Prepared]
"""From a network in evaluation mode and the course."""


def _eager(network: SegmentationNetwork, course: Workload) -> Prepared:  # noqa: ARG001
    return Prepared(torch.inference_mode()(network))


def _channels_last(network: SegmentationNetwork, course: Workload) -> Prepared:
    return _eager(network.to(memory_format=torch.channels_last), course)


def _optimized(network: SegmentationNetwork, course: Workload) -> Prepared:
    """A feedbackward network as optimize() makes it; any other with its channels last."""
    return Prepared(optimize(network)) if isinstance(network, Feedbackward) else _channels_last(network, course)


def _compiled(network: SegmentationNetwork, course: Workload) -> Prepared:  # noqa: ARG001
    return Prepared(torch.inference_mode()(torch.compile(network.to(memory_format=torch.channels_last))))


def _cuda(network: SegmentationNetwork, course: Workload) -> Prepared:
    """Compiled, on a GPU in bfloat16; the images lie there already."""
    device, dtype = choose_device("cuda"), torch.bfloat16
    images = course.image.to(device, dtype, memory_format=torch.channels_last)
    moved = network.to(device, dtype).to(memory_format=torch.channels_last)
    compiled = torch.inference_mode()(torch.compile(moved))

    def run(_: Tensor) -> None:
        compiled(images)
        torch.cuda.synchronize()

    return Prepared(run, device=device, dtype=dtype)


def _file(name: str) -> Prepare:
    def prepare(network: SegmentationNetwork, course: Workload) -> Prepared:
        path, size = course.folder / f"network{FORMATS[name].suffix}", (course.image.shape[-2], course.image.shape[-1])
        report = export(network, path, format=name, size=size, tolerance=course.tolerance)
        return Prepared(load_exported(path, threads=torch.get_num_threads()).output, path, report.size)

    return prepare


RUNTIMES: dict[str, Prepare] = {
    "eager": _eager,
    "channels_last": _channels_last,
    "optimized": _optimized,
    "compile": _compiled,
    "cuda": _cuda,
    "onnxruntime": _file("onnx"),
    "openvino": _file("openvino"),
}
