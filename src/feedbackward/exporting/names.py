"""The names of the formats and precisions, apart from their code, which imports torch."""

from typing import Literal

FormatName = Literal["onnx", "torch_export", "openvino", "engine"]
PrecisionName = Literal["fp32", "fp16", "bf16"]
