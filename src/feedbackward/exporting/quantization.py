"""Post-training quantization to 8-bit integers: the ranges of activations come from a few images, nothing is trained.

While both passes share a weight it has one scale: one for each output channel would be one for each input channel of
its swapped form. Untied, each pass has a copy of its own with the norm folded in, and a scale for each channel.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from feedbackward.errors import InputError
from feedbackward.exporting.api import export
from feedbackward.exporting.exported import load_exported
from feedbackward.exporting.formats.onnx import INPUT, ONNX
from feedbackward.io import check_target
from feedbackward.models import Feedbackward, SegmentationNetwork
from feedbackward.models.optimized import optimize


def quantize(
    network: SegmentationNetwork,
    path: str | Path,
    images: Iterable[Float[Tensor, "c h w"]],
    *,
    untied: bool = False,
    argmax: bool = False,
    size: tuple[int, int] | None = None,
) -> Path:
    """Write a network to an ONNX file with 8-bit weights and activations, for onnxruntime.

    Args:
        network: The network, which is left as it is.
        path: The file (.onnx); one that is there is replaced.
        images: Those that the ranges of the activations are read off, with values in [0, 1]; some 30 are enough.
        untied: Give each pass of a feedbackward network weights of its own: a larger file, nearer to the network.
        argmax: Give the class of each pixel and not the scores.
        size: The one height and width that the file is to take, if not any.

    Returns:
        The file.

    Raises:
        InputError: If onnxruntime is not installed, the file cannot be written, there are no images, or the network
            cannot be exported or untied. Nothing is written then.
    """
    ONNX.check_installed()
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    path = Path(path)
    if path.suffix != ONNX.suffix:
        raise InputError(f"{path}: quantized networks are ONNX files, which end in {ONNX.suffix}")
    if untied and not isinstance(network, Feedbackward):
        raise InputError(f"{network.config['model']} has no weights that two passes share; leave out untied")
    check_target(path, option="the output")
    inputs = [{INPUT: image[None].numpy()} for image in images]
    if not inputs:
        raise InputError("no images to read the ranges of the activations off; give some")

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.left, None)

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantizing-") as folder:
        whole, draft = Path(folder, "whole", path.name), Path(folder, path.name)
        source = optimize(network, channels_last=False) if untied and isinstance(network, Feedbackward) else network
        export(source, whole, argmax=argmax, size=size)
        quantize_static(
            whole, draft, Images(), quant_format=QuantFormat.QDQ, per_channel=untied, weight_type=QuantType.QInt8
        )
        load_exported(draft).output(torch.from_numpy(inputs[0][INPUT]))  # it runs
        draft.replace(path)
    return path
