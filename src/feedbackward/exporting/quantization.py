"""Post-training quantization to 8-bit integers: the ranges of the activations come from a few images.

A convolution's weight that encoder and decoder share is one tensor of 8 bits: each use has scales of its own, which
contain the norm after it. A weight with a low-rank update is a tensor of its own.
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
from feedbackward.exporting.integer_graph import ends, pad_integers
from feedbackward.exporting.norm_scales import fold_norms, share_weights
from feedbackward.exporting.onnx_graph import OnnxGraph
from feedbackward.io import check_target
from feedbackward.models import SegmentationNetwork


def quantize(
    network: SegmentationNetwork,
    path: str | Path,
    images: Iterable[Float[Tensor, "c h w"]],
    *,
    argmax: bool = False,
    size: tuple[int, int] | None = None,
) -> Path:
    """Export a network to an ONNX file with 8-bit weights and activations, for onnxruntime.

    The first layer, the last one and the interpolation of its logits stay in float. The file is fast on processors
    with VNNI instructions.

    Args:
        network: The network; it is not modified.
        path: The file (.onnx); an existing one is replaced.
        images: Calibration images with values in [0, 1], for the ranges of the activations; about 30 are enough.
        argmax: Output the class of each pixel instead of logits.
        size: A fixed height and width of the images, or None for any.

    Returns:
        The file.

    Raises:
        InputError: If onnxruntime is not installed, the file cannot be written, there are no images, or the network
            cannot be exported. Nothing is written then.
    """
    ONNX.check_installed()
    path = Path(path)
    if path.suffix != ONNX.suffix:
        raise InputError(f"{path}: quantized networks are ONNX files, which end in {ONNX.suffix}")
    check_target(path, option="the output")
    inputs = [{INPUT: image[None].numpy()} for image in images]
    if not inputs:
        raise InputError("no calibration images; give some, from which the ranges of the activations are computed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantizing-") as folder:
        whole, draft = Path(folder, "whole", path.name), Path(folder, path.name)
        export(network, whole, argmax=argmax, size=size)
        _quantize_file(whole, draft, inputs)
        load_exported(draft).outputs(inputs[0][INPUT])  # a file that does not run is not kept
        draft.replace(path)
    return path


def _quantize_file(whole: Path, draft: Path, inputs: list[dict[str, Any]]) -> None:
    """Write the 8-bit file of a float32 file, which is changed."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.left, None)

    model = onnx.load(whole)
    graph = OnnxGraph(model.graph)
    uses = fold_norms(graph)
    graph.save()
    onnx.save(model, whole)
    quantize_static(
        whole,
        draft,
        Images(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,  # onnxruntime leaves convolutions of signed activations in float
        weight_type=QuantType.QInt8,
        reduce_range=True,  # 7 bits: with 8, onnxruntime's sums overflow on processors without VNNI instructions
        nodes_to_exclude=ends(graph),
    )
    model = onnx.load(draft)
    graph = OnnxGraph(model.graph)
    share_weights(graph, uses)
    pad_integers(graph)
    graph.save()
    onnx.save(model, draft)
