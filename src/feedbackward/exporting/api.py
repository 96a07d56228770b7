"""Export of a network to a file, which is verified against the network and then moved into place."""

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from feedbackward.errors import InputError
from feedbackward.exporting.exported import load_exported
from feedbackward.exporting.formats import FORMATS
from feedbackward.exporting.metadata import Metadata, describe
from feedbackward.exporting.names import PrecisionName
from feedbackward.exporting.wrapper import ExportWrapper, export_program
from feedbackward.io import check_target, nearest_existing
from feedbackward.segmenters.finite import is_finite
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.segmenter import MOST_CLASSES, Segmenter
from feedbackward.task import split_tasks, tasks_of

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
TOLERANCES = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1}
"""Default tolerance by precision, relative to the largest absolute logit."""


@dataclass(frozen=True)
class Report:
    """Result of an export.

    Args:
        files: The files written.
        size: Their total size in bytes.
        parameters: The size of the network's parameters in the file's precision, in bytes, each counted once.
        differences: By height and width of the images, the largest difference between file and network, relative to the
            largest absolute logit: between their logits or, if the file outputs classes, between the network's logits
            of its own classes and of the file's.
    """

    files: tuple[Path, ...]
    size: int
    parameters: int
    differences: dict[tuple[int, int], float]


def export(
    network: "SegmentationNetwork | OptimizedNetwork | TaskNetwork",
    path: str | Path,
    *,
    format: str = "onnx",
    argmax: bool = False,
    size: tuple[int, int] | None = None,
    precision: PrecisionName = "fp32",
    tolerance: float | None = None,
) -> Report:
    """Export a network to a file that runs without this library.

    The file takes float32 images (N, in_channels, H, W) with values in [0, 1], for any N, H and W, and normalizes
    them itself. It stores each weight once, and the names and colors of the classes. It is verified against the
    network, then moved into place. A network of several tasks has an output for each.

    Args:
        network: The network; it is not modified.
        path: The file, with the suffix of its format; an existing one is replaced.
        format: "onnx", "torch_export", "openvino" or "engine" (TensorRT).
        argmax: Output the class of each pixel (N, H, W) as 8-bit integers, instead of logits.
        size: A fixed height and width of the images, or None for any.
        precision: "fp32", or "fp16" or "bf16" for weights of half the size. Input and output stay float32.
        tolerance: The largest accepted difference, relative to the largest absolute logit; by default TOLERANCES.

    Raises:
        InputError: If the format is unknown or its packages are not installed, the file cannot be written, the
            network cannot be exported, or file and network differ. Nothing is written then.

    Example:
        >>> export(load_network("runs/camvid/model"), "camvid.onnx").differences  # doctest: +SKIP
        {(64, 96): 3.8e-06, (97, 131): 4.1e-06, (160, 128): 4.5e-06}
    """
    path = Path(path)
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    file_format = FORMATS[format]
    file_format.check_installed()
    if path.suffix != file_format.suffix:
        raise InputError(f"{path}: files of format {format} end in {file_format.suffix}")
    if precision not in file_format.precisions:
        others = [other for other, known in FORMATS.items() if precision in known.precisions]
        raise InputError(
            f"files of format {format} have precision {' or '.join(file_format.precisions)}, not {precision}; "
            f"for {precision} choose format {' or '.join(others)}"
        )
    tolerance = TOLERANCES[precision] if tolerance is None else tolerance
    most = max(task.classes for task in tasks_of(network))
    if argmax and most > MOST_CLASSES:
        raise InputError(
            f"argmax outputs 8-bit classes, at most {MOST_CLASSES}, and the network has {most}; export its logits"
        )
    check_target(path, option="the output")
    metadata = describe(network, argmax=argmax, size=size)
    reference = copy.deepcopy(network).cpu().float().eval()
    wrapper = ExportWrapper(copy.deepcopy(reference).to(DTYPES[precision]), argmax=argmax)
    with tempfile.TemporaryDirectory(dir=nearest_existing(path.parent), prefix=".exporting-") as folder:
        draft = Path(folder, path.name)
        file_format.write(export_program(wrapper, metadata), metadata, draft)
        differences = _compare(draft, reference, metadata)
        worst = max(differences.values())
        if not worst <= tolerance:
            raise InputError(
                f"the file and the network differ: by {worst:.3g} of the largest absolute logit, more than the "
                f"tolerance of {tolerance:g}; nothing was written; choose another format, or --size H,W"
            )
        drafts = sorted(Path(folder).iterdir())
        total = sum(file.stat().st_size for file in drafts)
        path.parent.mkdir(parents=True, exist_ok=True)
        files = tuple(file.replace(path.parent / file.name) for file in drafts)
    parameters = sum(parameter.nbytes for parameter in wrapper.parameters())
    return Report(files, total, parameters, differences)


def _compare(draft: Path, network: Segmenter, metadata: Metadata) -> dict[tuple[int, int], float]:
    exported, expected = load_exported(draft), Normalized(network)
    generator = torch.Generator().manual_seed(0)
    differences = dict[tuple[int, int], float]()
    for batch, size in enumerate(metadata.sizes, start=1):
        image = torch.rand(batch, metadata.in_channels, *size, generator=generator)
        with torch.no_grad():
            by_task = split_tasks(expected.logits(image), expected.tasks)
        for logits, output in zip(by_task, exported.outputs(image), strict=True):
            if not is_finite(logits):
                raise InputError("the network's logits are not finite; train it again, with a smaller learning rate")
            if not is_finite(output):
                raise InputError(
                    "the file's logits are not finite, unlike the network's; nothing was written; choose --precision "
                    "fp32, or another format"
                )
            if exported.outputs_logits:
                difference = (logits - output).abs()
            else:
                difference = logits.amax(dim=1) - logits.gather(1, output[:, None].long())[:, 0]
            largest = (difference.max() / logits.abs().max().clamp(min=torch.finfo().tiny)).item()
            differences[size] = max(differences.get(size, 0.0), largest)
    return differences
