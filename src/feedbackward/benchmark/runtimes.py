"""The ways to run a network that are raced: in PyTorch, on the CPU or a GPU, and as exported files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from feedbackward.export import FORMATS, export, load_exported
from feedbackward.inference import choose_device, optimize
from feedbackward.models import Feedbackward, SegmentationNetwork

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


Prepare = Callable[[SegmentationNetwork, Tensor, Path], Prepared]
"""From a network in evaluation mode, the images that will be run, and a folder for files."""


def _eager(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:  # noqa: ARG001
    return Prepared(torch.inference_mode()(network))


def _channels_last(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:
    return _eager(network.to(memory_format=torch.channels_last), image, folder)


def _optimized(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:
    """A feedbackward network as optimize() makes it; any other with its channels last."""
    return Prepared(optimize(network)) if isinstance(network, Feedbackward) else _channels_last(network, image, folder)


def _compiled(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:  # noqa: ARG001
    return Prepared(torch.inference_mode()(torch.compile(network.to(memory_format=torch.channels_last))))


def _cuda(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:  # noqa: ARG001
    """Compiled, on a GPU in bfloat16; the images lie there already."""
    device, dtype = choose_device("cuda"), torch.bfloat16
    images = image.to(device, dtype, memory_format=torch.channels_last)
    moved = network.to(device, dtype).to(memory_format=torch.channels_last)
    compiled = torch.inference_mode()(torch.compile(moved))

    def run(_: Tensor) -> None:
        compiled(images)
        torch.cuda.synchronize()

    return Prepared(run, device=device, dtype=dtype)


def _file(name: str) -> Prepare:
    def prepare(network: SegmentationNetwork, image: Tensor, folder: Path) -> Prepared:
        path = folder / f"network{FORMATS[name].suffix}"
        report = export(network, path, format=name, size=(image.shape[-2], image.shape[-1]))
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
