"""OpenVINO files: the graph in an .xml file, and the weights, each stored once, in a .bin file of the same stem."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.exporting.formats import onnx
from feedbackward.exporting.formats.base import FileFormat, Run
from feedbackward.exporting.metadata import KEY, Metadata

if TYPE_CHECKING:
    from torch.export import ExportedProgram


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
                f"OpenVINO cannot read this network; choose a larger --size or another format. It says:\n{error}"
            ) from error
        for value in (*model.inputs, *model.outputs):
            # OpenVINO stores the names of axes as the layout of inputs and outputs.
            value.node.layout = openvino.Layout(f"[{','.join(metadata.axes[value.any_name])}]")
        model.set_rt_info(metadata.to_json(), [KEY])
        openvino.save_model(model, path, compress_to_fp16=False)


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in OpenVINO, on the CPU."""
    import openvino

    core = openvino.Core()
    if not path.with_suffix(".bin").is_file():
        raise InputError(
            f"the weights of {path} are missing: expected {path.with_suffix('.bin').name} in the same folder"
        )
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise InputError(f"{path} is not a valid OpenVINO file: {error}") from error
    text = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
    settings = {"INFERENCE_PRECISION_HINT": "f32", **({} if threads is None else {"INFERENCE_NUM_THREADS": threads})}
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        request.infer([images])
        return [tensor.data.copy() for tensor in request.output_tensors]  # the next inference overwrites the data

    return run, Metadata.from_json(text, path=path)


OPENVINO = FileFormat(
    "openvino",
    suffix=".xml",
    needs=("openvino", *onnx.ONNX.needs),
    extra="openvino",
    precisions=("fp32", "fp16"),
    write=write,
    read=read,
)
