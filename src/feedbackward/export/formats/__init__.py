"""The formats by name."""

from feedbackward.export.formats.onnx import ONNX
from feedbackward.export.formats.openvino import OPENVINO
from feedbackward.export.formats.tensorrt import ENGINE
from feedbackward.export.formats.torch_export import TORCH_EXPORT

FORMATS = {file_format.name: file_format for file_format in (ONNX, TORCH_EXPORT, OPENVINO, ENGINE)}
SUFFIXES = {file_format.suffix: file_format for file_format in FORMATS.values()}
