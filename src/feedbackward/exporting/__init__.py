"""Networks as files for other runtimes: ONNX, torch.export, OpenVINO and TensorRT; and as pages."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.exporting.api import Report as Report
    from feedbackward.exporting.api import export as export
    from feedbackward.exporting.exported import ExportedNetwork as ExportedNetwork
    from feedbackward.exporting.exported import load_exported as load_exported
    from feedbackward.exporting.formats import FORMATS as FORMATS
    from feedbackward.exporting.quantization import quantize as quantize
    from feedbackward.exporting.web.api import export_web as export_web

_MODULES = {
    "ExportedNetwork": "exported",
    "FORMATS": "formats",
    "Report": "api",
    "export": "api",
    "export_web": "web.api",
    "load_exported": "exported",
    "quantize": "quantization",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
