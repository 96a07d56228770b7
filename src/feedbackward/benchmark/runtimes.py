"""The runtimes of the benchmark: PyTorch in several modes, on the CPU or a GPU, and exported files.

All of them normalize the images, as in prediction. "cuda" has the images on the GPU already; "tensorrt" copies them
there, and the logits back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from feedbackward.benchmark.peers import EncoderAlone
from feedbackward.exporting import FORMATS, export, load_exported
from feedbackward.exporting.formats.base import FileFormat
from feedbackward.exporting.metadata import describe
from feedbackward.exporting.wrapper import ExportWrapper, export_program
from feedbackward.machine import choose_device
from feedbackward.models import Feedbackward, SegmentationNetwork, optimize
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.segmenter import Segmenter

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to run.

    Args:
        run: Maps images in [0, 1] to logits.
        file: The exported file, in runtimes that load one.
        file_bytes: Size of that file, external weights included.
        device: Its device.
        dtype: The type of its matrix products.
    """

    run: Callable[[Tensor], object]
    file: Path | None = None
    file_bytes: int | None = None
    device: torch.device = CPU
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Workload:
    """The work for which a network is prepared.

    Args:
        image: The images that it will run on.
        folder: Folder for exported files.
        tolerance: Largest difference between an exported file and its network, see `export`.
    """

    image: Tensor
    folder: Path
    tolerance: float | None = None


Prepare = Callable[[SegmentationNetwork, Workload], Prepared]
"""Prepares a network in evaluation mode for a workload."""


def _logits(segmenter: Segmenter, *, compiled: bool = False) -> Callable[[Tensor], Tensor]:
    run: Callable[[Tensor], Tensor] = Normalized(segmenter).logits
    return torch.inference_mode()(torch.compile(run) if compiled else run)


def _eager(network: SegmentationNetwork, workload: Workload) -> Prepared:  # noqa: ARG001
    return Prepared(_logits(network))


def _channels_last(network: SegmentationNetwork, workload: Workload) -> Prepared:
    return _eager(network.to(memory_format=torch.channels_last), workload)


def _optimized(network: SegmentationNetwork, workload: Workload) -> Prepared:
    """`optimize` for feedbackward networks; channels_last for all others, which it does not support."""
    return (
        Prepared(_logits(optimize(network))) if isinstance(network, Feedbackward) else _channels_last(network, workload)
    )


def _compiled(network: SegmentationNetwork, workload: Workload) -> Prepared:  # noqa: ARG001
    return Prepared(_logits(network.to(memory_format=torch.channels_last), compiled=True))


def _cuda(network: SegmentationNetwork, workload: Workload) -> Prepared:
    """Compiled, on a GPU in bfloat16; the images are moved there beforehand."""
    device, dtype = choose_device("cuda"), torch.bfloat16
    images = workload.image.to(device, dtype, memory_format=torch.channels_last)
    moved = network.to(device, dtype).to(memory_format=torch.channels_last)
    segment = _logits(moved, compiled=True)

    def run(_: Tensor) -> None:
        segment(images)
        torch.cuda.synchronize()

    return Prepared(run, device=device, dtype=dtype)


def _file(name: str) -> Prepare:
    def prepare(network: SegmentationNetwork, workload: Workload) -> Prepared:
        path = workload.folder / f"network{FORMATS[name].suffix}"
        size = workload.image.shape[-2], workload.image.shape[-1]
        if isinstance(network, EncoderAlone):
            return _encoder_file(network, path, FORMATS[name], size)
        report = export(network, path, format=name, size=size, tolerance=workload.tolerance)
        run = load_exported(path, threads=torch.get_num_threads()).logits
        return Prepared(run, path, report.size, torch.device(FORMATS[name].device))

    return prepare


def _encoder_file(network: EncoderAlone, path: Path, file_format: FileFormat, size: tuple[int, int]) -> Prepared:
    """An exported encoder: export and load_exported refuse outputs that are not logits."""
    metadata = describe(network, argmax=False, size=size)
    file_format.write(export_program(ExportWrapper(network, argmax=False), metadata), metadata, path)
    run, _ = file_format.read(path, torch.get_num_threads())
    file_bytes = sum(file.stat().st_size for file in path.parent.glob(f"{path.stem}.*"))
    return Prepared(lambda image: run(image.numpy()), path, file_bytes)


RUNTIMES: dict[str, Prepare] = {
    "eager": _eager,
    "channels_last": _channels_last,
    "optimized": _optimized,
    "compile": _compiled,
    "cuda": _cuda,
    "onnxruntime": _file("onnx"),
    "openvino": _file("openvino"),
    "tensorrt": _file("engine"),
}
