"""Networks as files for other runtimes: ONNX, torch.export, OpenVINO and TensorRT."""

from feedbackward.export.api import Report, export
from feedbackward.export.exported import ExportedNetwork, load_exported
from feedbackward.export.formats import FORMATS
from feedbackward.export.quantization import quantize

__all__ = ["FORMATS", "ExportedNetwork", "Report", "export", "load_exported", "quantize"]
