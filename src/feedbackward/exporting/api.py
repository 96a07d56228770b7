"""From a network to a file that was run and compared before it came to its place."""

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from feedbackward.errors import InputError
from feedbackward.exporting.exported import load_exported
from feedbackward.exporting.formats import FORMATS
from feedbackward.exporting.formats.base import PRECISIONS
from feedbackward.exporting.metadata import Metadata, describe
from feedbackward.exporting.wrapper import MOST_CLASSES, ExportWrapper, traced
from feedbackward.io import check_target, nearest_existing
from feedbackward.models import SegmentationNetwork
from feedbackward.models.optimized import OptimizedNetwork

TOLERANCES = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1}
"""The largest difference that is taken for rounding, in parts of the largest score."""


@dataclass(frozen=True)
class Report:
    """What came out of an export.

    Args:
        files: The files.
        size: Their bytes in all.
        parameters: The bytes of the network's parameters in the file's precision, each counted once.
        differences: The largest difference between file and network by the size of the images, in parts of the largest
            score: of the scores; where the file gives classes, by how much the network scores them lower than its own.
    """

    files: tuple[Path, ...]
    size: int
    parameters: int
    differences: dict[tuple[int, int], float]


def export(
    network: SegmentationNetwork | OptimizedNetwork,
    path: str | Path,
    *,
    format: str = "onnx",
    argmax: bool = False,
    size: tuple[int, int] | None = None,
    precision: str = "fp32",
    tolerance: float | None = None,
) -> Report:
    """Write a network to a file that other programs can use, run it, and compare the two.

    The file normalizes; it takes float32 images (N, in_channels, H, W) with values in [0, 1] for any N, H and W. It
    holds each weight once, and the names and colors of the classes.

    Args:
        network: The network, which is left as it is.
        path: The file, with the suffix of its format; one that is there is replaced.
        format: "onnx", "torch_export", "openvino" or "engine" (TensorRT).
        argmax: Give the class of each pixel (N, H, W) as 8-bit integers, and not the scores.
        size: The one height and width that the file is to take, if not any.
        precision: "fp32", or "fp16" or "bf16" for weights of half the size. What goes in and comes out stays float32.
        tolerance: The largest difference that is taken for rounding, in parts of the largest score; TOLERANCES if None.

    Raises:
        InputError: If the format is unknown or its packages are missing, the file cannot be written, the network
            cannot be exported, or the file computes something else. Nothing is written then.

    Example:
        >>> export(load_network("runs/camvid/model"), "camvid.onnx").differences  # doctest: +SKIP
        {(64, 96): 3.8e-06, (97, 131): 4.1e-06, (160, 128): 4.5e-06}
    """
    path = Path(path)
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; there are {', '.join(FORMATS)}")
    file_format = FORMATS[format]
    file_format.check_installed()
    if path.suffix != file_format.suffix:
        raise InputError(f"{path}: files of format {format} end in {file_format.suffix}")
    if precision not in file_format.precisions:
        others = [other for other, known in FORMATS.items() if precision in known.precisions]
        raise InputError(
            f"files of format {format} come in {' or '.join(file_format.precisions)}, not in {precision}; "
            f"those of {', '.join(others)} do"
        )
    tolerance = TOLERANCES[precision] if tolerance is None else tolerance
    if argmax and network.classes > MOST_CLASSES:
        raise InputError(f"argmax gives classes in 8 bits, and the network has {network.classes}; export its scores")
    check_target(path, option="the output")
    metadata = describe(network, argmax=argmax, size=size)
    reference = copy.deepcopy(network).cpu().float().eval()
    wrapper = ExportWrapper(copy.deepcopy(reference).to(PRECISIONS[precision]), argmax=argmax)
    with tempfile.TemporaryDirectory(dir=nearest_existing(path.parent), prefix=".exporting-") as folder:
        draft = Path(folder, path.name)
        file_format.write(traced(wrapper, metadata), metadata, draft)
        differences = _compare(draft, reference, metadata)
        worst = max(differences.values())
        if not worst <= tolerance:
            raise InputError(
                f"the file computes something else than the network: the scores differ by {worst:.3g} of the largest, "
                f"more than the tolerance of {tolerance:g}; it was not kept; choose another format, or --size H,W"
            )
        drafts = sorted(Path(folder).iterdir())
        total = sum(file.stat().st_size for file in drafts)
        path.parent.mkdir(parents=True, exist_ok=True)
        files = tuple(file.replace(path.parent / file.name) for file in drafts)
    parameters = sum(parameter.nbytes for parameter in wrapper.parameters())
    return Report(files, total, parameters, differences)


def _compare(
    draft: Path, network: SegmentationNetwork | OptimizedNetwork, metadata: Metadata
) -> dict[tuple[int, int], float]:
    exported, generator = load_exported(draft), torch.Generator().manual_seed(0)
    differences = dict[tuple[int, int], float]()
    for batch, size in enumerate(metadata.sizes, start=1):
        image = torch.rand(batch, metadata.in_channels, *size, generator=generator)
        output = exported.output(image)
        with torch.no_grad():
            scores = network(network.preprocessing(image))
        if not exported.gives_scores:
            difference = scores.amax(dim=1) - scores.gather(1, output[:, None].long())[:, 0]
        else:
            difference = (scores - output).abs()
        largest = (difference.max() / scores.abs().max()).item()
        differences[size] = max(differences.get(size, 0.0), largest)
    return differences
