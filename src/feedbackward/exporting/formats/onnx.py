"""ONNX files, run by onnxruntime. Each weight is stored once, even if encoder and decoder both use it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.exporting.formats.base import FileFormat, Run
from feedbackward.exporting.metadata import KEY, Metadata

if TYPE_CHECKING:
    from torch.export import ExportedProgram

INPUT = "image"
MOST_BYTES = 2**31 - 1
"""The limit of a protocol buffer, which an ONNX file is."""


def write(program: "ExportedProgram", metadata: Metadata, path: Path) -> None:
    """Write the graph to one file, with named axes and without the exporter's notes about the source code."""
    import onnx
    import torch

    exported = torch.onnx.export(
        program,
        (),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=[INPUT],
        output_names=list(metadata.outputs),
    )
    assert exported is not None
    model = exported.model_proto
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
    del model.graph.value_info[:], model.graph.metadata_props[:]
    _name_axes(model.graph, metadata)
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    if model.ByteSize() > MOST_BYTES:
        raise InputError("the network is larger than 2 GB, the limit of an ONNX file; choose --format torch_export")
    onnx.save(model, path)


def _name_axes(graph: Any, metadata: Metadata) -> None:
    """Replace the exporter's symbols, such as s40, by names; the output's size is the input's, not an expression."""
    free = {"batch"} if metadata.size else {"batch", "height", "width"}
    sides = dict(zip(("height", "width"), metadata.size, strict=True)) if metadata.size else {}
    for value in (*graph.input, *graph.output):
        fixed = {"channels": metadata.in_channels, "classes": metadata.outputs.get(value.name), **sides}
        for axis, name in zip(value.type.tensor_type.shape.dim, metadata.axes[value.name], strict=True):
            if name in free:
                axis.dim_param = name
            else:
                axis.dim_value = fixed[name]


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in onnxruntime, on the CPU."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail) as error:
        raise InputError(f"{path} is not a valid ONNX file: {error}") from error

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        outputs: list[NDArray[Any]] = session.run(None, {INPUT: images})
        return outputs

    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    return run, Metadata.from_json(text, path=path)


ONNX = FileFormat(
    "onnx",
    suffix=".onnx",
    needs=("onnx", "onnxscript", "onnxruntime"),
    extra="onnx",
    precisions=("fp32", "fp16"),
    write=write,
    read=read,
)
