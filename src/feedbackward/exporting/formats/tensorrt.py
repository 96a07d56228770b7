"""TensorRT engines, built on the GPU that runs them, with their metadata in a .json file of the same stem.

They are built from the ONNX file, with the interface of TensorRT 10.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.exporting.formats import onnx
from feedbackward.exporting.formats.base import FileFormat, Run
from feedbackward.exporting.metadata import Metadata
from feedbackward.io import write_text

if TYPE_CHECKING:
    from torch.export import ExportedProgram

LARGEST_BATCH = 8
USUAL_SIZE, LARGEST_SIZE = (512, 1024), (1088, 2048)
"""The height and width for which an engine for any size is tuned, and the largest that it accepts."""


def write(program: "ExportedProgram", metadata: Metadata, path: Path) -> None:
    """Build the engine for batches of 1 to LARGEST_BATCH."""
    import tensorrt as trt

    _check_gpu(path)
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.onnx")
        onnx.write(program, metadata, source)
        if not parser.parse(source.read_bytes()):
            reasons = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
            raise InputError(f"TensorRT cannot read this network: {reasons}; choose --format onnx")
    smallest, usual, largest = (metadata.size,) * 3 if metadata.size else (metadata.sizes[0], USUAL_SIZE, LARGEST_SIZE)
    channels = metadata.in_channels
    profile = builder.create_optimization_profile()
    profile.set_shape(onnx.INPUT, (1, channels, *smallest), (1, channels, *usual), (LARGEST_BATCH, channels, *largest))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise InputError(f"TensorRT could not build {path.name}; its messages above say why; choose --format onnx")
    path.write_bytes(bytes(engine))
    write_text(path.with_suffix(".json"), metadata.to_json())


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:  # noqa: ARG001
    """Open an engine on the GPU."""
    import tensorrt as trt
    import torch

    _check_gpu(path)
    engine = trt.Runtime(trt.Logger(trt.Logger.WARNING)).deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise InputError(f"{path} is not an engine of this TensorRT ({trt.__version__}) and GPU; export it again here")
    beside = path.with_suffix(".json")
    metadata = Metadata.from_json(beside.read_text() if beside.is_file() else None, path=path)
    context = engine.create_execution_context()
    dtype = torch.uint8 if metadata.output == "classes" else torch.float32

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        on_gpu = torch.from_numpy(images).cuda()
        context.set_input_shape(onnx.INPUT, tuple(on_gpu.shape))
        context.set_tensor_address(onnx.INPUT, on_gpu.data_ptr())
        outputs = []
        for name in metadata.outputs:
            output = torch.empty(tuple(context.get_tensor_shape(name)), dtype=dtype, device="cuda")
            context.set_tensor_address(name, output.data_ptr())
            outputs.append(output)
        stream = torch.cuda.current_stream()
        context.execute_async_v3(stream.cuda_stream)
        stream.synchronize()
        return [output.cpu().numpy() for output in outputs]

    return run, metadata


def _check_gpu(path: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            f"{path.name}: TensorRT engines are built and run on an NVIDIA GPU, and PyTorch sees none here"
        )


ENGINE = FileFormat(
    "engine",
    suffix=".engine",
    needs=("tensorrt", *onnx.ONNX.needs),
    extra="tensorrt",
    precisions=("fp32", "fp16"),
    write=write,
    read=read,
    device="cuda",
)
