"""Post-training quantization to 8-bit integers: the ranges of the activations come from a few images.

A weight that encoder and decoder share has a single scale, since its output channels are the decoder's input
channels. Untied, encoder and decoder have a copy each, with the norm folded in and one scale per output channel.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from feedbackward.errors import InputError
from feedbackward.exporting.api import export
from feedbackward.exporting.exported import load_exported
from feedbackward.exporting.formats.onnx import INPUT, ONNX
from feedbackward.io import check_target
from feedbackward.models import Feedbackward, SegmentationNetwork, optimize


def quantize(
    network: SegmentationNetwork,
    path: str | Path,
    images: Iterable[Float[Tensor, "c h w"]],
    *,
    untied: bool = False,
    argmax: bool = False,
    size: tuple[int, int] | None = None,
) -> Path:
    """Export a network to an ONNX file with 8-bit weights and activations, for onnxruntime.

    Args:
        network: The network; it is not modified.
        path: The file (.onnx); an existing one is replaced.
        images: Calibration images with values in [0, 1], for the ranges of the activations; about 30 are enough.
        untied: Give encoder and decoder of a feedbackward network separate weights: a larger, more accurate file.
        argmax: Output the class of each pixel instead of logits.
        size: A fixed height and width of the images, or None for any.

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
        raise InputError(f"{network.config['model']} has no shared weights to untie; omit untied")
    check_target(path, option="the output")
    inputs = [{INPUT: image[None].numpy()} for image in images]
    if not inputs:
        raise InputError("no calibration images; give some, from which the ranges of the activations are computed")

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
            whole,
            draft,
            Images(),
            quant_format=QuantFormat.QDQ,
            per_channel=untied,
            weight_type=QuantType.QInt8,
            reduce_range=True,  # 7 bits: with 8, onnxruntime's sums overflow on processors without VNNI instructions
        )
        load_exported(draft).outputs(inputs[0][INPUT])  # a file that does not run is not kept
        draft.replace(path)
    return path
