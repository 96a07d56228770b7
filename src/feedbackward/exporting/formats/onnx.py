"""ONNX files, which onnxruntime runs: each weight stands in them once, whatever passes use it."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.export import ExportedProgram

from feedbackward.errors import InputError
from feedbackward.exporting.formats.base import FileFormat, Run
from feedbackward.exporting.metadata import KEY, Metadata

INPUT = "image"
LARGEST = 2**31 - 1
"""Bytes of a protocol buffer, which the file is."""


def write(program: ExportedProgram, metadata: Metadata, path: Path) -> None:
    """Write the graph as one file, without what the exporter notes about the code that it came from."""
    import onnx

    exported = torch.onnx.export(
        program,
        (),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=[INPUT],
        output_names=[metadata.output],
    )
    assert exported is not None
    model = exported.model_proto
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
    del model.graph.value_info[:], model.graph.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    if model.ByteSize() > LARGEST:
        raise InputError("the network is larger than the 2 GB that an ONNX file holds; choose --format torch_export")
    onnx.save(model, path)


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
        raise InputError(f"{path} is no ONNX file, or a damaged one: {error}") from error

    def run(image: Tensor) -> Tensor:
        (output,) = session.run(None, {INPUT: np.ascontiguousarray(image.numpy())})
        return torch.from_numpy(output)

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
