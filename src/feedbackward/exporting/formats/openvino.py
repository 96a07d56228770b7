"""OpenVINO's files: the graph as .xml and its weights, each once, as .bin beside it."""

import tempfile
from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram

from feedbackward.errors import InputError
from feedbackward.exporting.formats import onnx
from feedbackward.exporting.formats.base import FileFormat, Run
from feedbackward.exporting.metadata import KEY, Metadata


def write(program: ExportedProgram, metadata: Metadata, path: Path) -> None:
    """Write the graph as it stands in the ONNX file: convert_model would store each swapped weight once more."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.onnx")
        onnx.write(program, metadata, source)
        try:
            model = openvino.Core().read_model(source)
        except RuntimeError as error:
            raise InputError(
                f"OpenVINO does not take this network; choose a larger --size or another format. It says:\n{error}"
            ) from error
        model.set_rt_info(metadata.to_json(), [KEY])
        openvino.save_model(model, path, compress_to_fp16=False)


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in OpenVINO, on the CPU."""
    import openvino

    core = openvino.Core()
    if not path.with_suffix(".bin").is_file():
        raise InputError(f"{path} has its weights in {path.with_suffix('.bin').name}, which is not beside it")
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise InputError(f"{path} is no file of OpenVINO, or a damaged one: {error}") from error
    text = model.get_rt_info([KEY]).astype(str) if model.has_rt_info([KEY]) else None
    settings = {"INFERENCE_PRECISION_HINT": "f32", **({} if threads is None else {"INFERENCE_NUM_THREADS": threads})}
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(image: Tensor) -> Tensor:
        request.infer([image.numpy()])
        return torch.from_numpy(request.get_output_tensor().data.copy())

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
