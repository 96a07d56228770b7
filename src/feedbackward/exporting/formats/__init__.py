"""The formats of exported files, by name and by suffix."""

from feedbackward.exporting.formats.onnx import ONNX
from feedbackward.exporting.formats.openvino import OPENVINO
from feedbackward.exporting.formats.tensorrt import ENGINE
from feedbackward.exporting.formats.torch_export import TORCH_EXPORT

FORMATS = {file_format.name: file_format for file_format in (ONNX, TORCH_EXPORT, OPENVINO, ENGINE)}
SUFFIXES = {file_format.suffix: file_format for file_format in FORMATS.values()}
