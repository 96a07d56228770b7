"""ONNX files, run by onnxruntime. Each weight is stored once, even if encoder and decoder both use it."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError, one_line
from feedbackward.exporting.formats.base import FileFormat, Run, running
from feedbackward.exporting.metadata import KEY, Metadata
from feedbackward.exporting.same_padding import pad_in_convolutions

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
    _check_size(model)
    if metadata.size is None:
        pad_in_convolutions(model, smallest=metadata.smallest)
    _name_axes(model.graph, metadata)
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    _check_size(model)
    onnx.save(model, path)


def _check_size(model: Any) -> None:
    if model.ByteSize() > MOST_BYTES:
        raise InputError("the network is larger than 2 GB, the limit of an ONNX file; choose --format torch_export")


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


def _has_external_data(path: Path) -> bool:
    """Whether a tensor of a file is in another file, whose path could lead anywhere."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(b"location") < 0:  # the key of such a path
                return False
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own has no public name
        raise InputError(f"{path} is not a valid ONNX file: {one_line(error)}; export the network again") from error
    return any(map(onnx.external_data_helper.uses_external_data, _tensors(model)))


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors within a part of an ONNX model."""
    import onnx

    for _, value in message.ListFields():
        for part in value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,):
            if isinstance(part, onnx.TensorProto):
                yield part
            elif hasattr(part, "ListFields"):
                yield from _tensors(part)


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in onnxruntime, on the CPU."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    # Between two images its threads would wait spinning, on the cores that read and write.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    if _has_external_data(path):
        raise InputError(
            f"{path} was not loaded: it reads weights from other files, which exported networks do not; export the "
            f"network again"
        )
    failures = (state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail, state.RuntimeException)
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (*failures, state.NotImplemented, state.NoSuchFile) as error:
        raise InputError(f"{path} is not a valid ONNX file: {one_line(error)}; export the network again") from error

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        with running(path, failures):
            outputs: list[NDArray[Any]] = session.run(None, {INPUT: images})
        return outputs

    try:
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
        values = [[value.name for value in values] for values in (session.get_inputs(), session.get_outputs())]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged: its names are not text; copy it or export the network again") from error
    metadata = Metadata.from_json(text, path=path)
    metadata.check_values(*values, path=path)
    return run, metadata


ONNX = FileFormat(
    "onnx",
    suffix=".onnx",
    needs=("onnx", "onnxscript", "onnxruntime"),
    extra="onnx",
    precisions=("fp32", "fp16"),
    write=write,
    read=read,
    runs_at_once=True,
)
