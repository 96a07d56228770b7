"""The ways to run a network that are raced: in PyTorch as it is, optimised or compiled, and as exported files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from feedbackward.export import FORMATS, export, load_exported
from feedbackward.inference import optimize
from feedbackward.models import Feedbackward, SegmentationNetwork


@dataclass(frozen=True)
class Prepared:
    """A network that is ready to run.

    Args:
        run: Takes images.
        file: The file that it runs from, where there is one.
        file_bytes: The size of that, with what belongs to it.
    """

    run: Callable[[Tensor], object]
    file: Path | None = None
    file_bytes: int | None = None


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
    "onnxruntime": _file("onnx"),
    "openvino": _file("openvino"),
}
