"""The names of formats, precisions and files, for the command line, which imports nothing heavy before it parses."""

from typing import Literal

FormatName = Literal["onnx", "torch_export", "openvino", "engine"]
PrecisionName = Literal["fp32", "fp16", "bf16"]

DESCRIPTION = "description.json"
"""The file that tells a page about its network."""
