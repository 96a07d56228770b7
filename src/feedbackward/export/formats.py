"""The formats by name."""

from feedbackward.export.onnx import ONNX
from feedbackward.export.openvino import OPENVINO
from feedbackward.export.tensorrt import ENGINE
from feedbackward.export.torch_export import TORCH_EXPORT

FORMATS = {file_format.name: file_format for file_format in (ONNX, TORCH_EXPORT, OPENVINO, ENGINE)}
SUFFIXES = {file_format.suffix: file_format for file_format in FORMATS.values()}
