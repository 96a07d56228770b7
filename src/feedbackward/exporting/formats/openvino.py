"""OpenVINO files: the graph in an .xml file, and the weights, each stored once, in a .bin file of the same stem."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError, one_line
from feedbackward.exporting.formats import onnx
from feedbackward.exporting.formats.base import FileFormat, Run, running
from feedbackward.exporting.metadata import KEY, Metadata

if TYPE_CHECKING:
    from torch.export import ExportedProgram

HEAD = 4096
"""So many bytes of a file tell whether it is a network."""


def write(program: "ExportedProgram", metadata: Metadata, path: Path) -> None:
    """Convert the graph by way of ONNX: convert_model would also store a transposed copy of each weight."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.onnx")
        onnx.write(program, metadata, source)
        try:
            model = openvino.Core().read_model(source)
        except RuntimeError as error:
            raise InputError(
                f"OpenVINO cannot read this network ({one_line(error)}); choose a larger --size or another format"
            ) from error
        for value in (*model.inputs, *model.outputs):
            # OpenVINO stores the names of axes as the layout of inputs and outputs.
            value.node.layout = openvino.Layout(f"[{','.join(metadata.axes[value.any_name])}]")
        model.set_rt_info(metadata.to_json(), [KEY])
        try:
            openvino.save_model(model, path, compress_to_fp16=False)
        except RuntimeError as error:  # it does not tell more about a full disk
            raise InputError(
                f"{path} cannot be written ({one_line(error)}); free some space, or choose another place"
            ) from error


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in OpenVINO, on the CPU."""
    import openvino

    core = openvino.Core()
    if not path.with_suffix(".bin").is_file():
        raise InputError(
            f"the weights of {path} are missing: expected {path.with_suffix('.bin').name} in the same folder"
        )
    with path.open("rb") as file:
        if b"<net " not in file.read(HEAD):  # OpenVINO would take it for a file of another framework, and print much
            raise InputError(f"{path} is not an OpenVINO file; give one that `feedbackward export` wrote")
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise InputError(f"{path} is not a valid OpenVINO file: {one_line(error)}; export the network again") from error
    metadata = Metadata.from_json(model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None, path=path)
    metadata.check_values(
        [value.any_name for value in model.inputs], [value.any_name for value in model.outputs], path=path
    )
    settings = {"INFERENCE_PRECISION_HINT": "f32", **({} if threads is None else {"INFERENCE_NUM_THREADS": threads})}
    try:
        request = core.compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise InputError(f"{path} cannot be run by OpenVINO: {one_line(error)}; export the network again") from error

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        with running(path, (RuntimeError,)):
            request.infer([images])
        return [tensor.data.copy() for tensor in request.output_tensors]  # the next inference overwrites the data

    return run, metadata


OPENVINO = FileFormat(
    "openvino",
    suffix=".xml",
    needs=("openvino", *onnx.ONNX.needs),
    extra="openvino",
    precisions=("fp32", "fp16"),
    write=write,
    read=read,
)
