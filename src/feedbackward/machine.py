"""The packages, Python and the machine that something was computed with."""

import os
import platform
from importlib.metadata import version
from typing import Any

import torch

PACKAGES = ("feedbackward", "torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy")


def describe_machine() -> dict[str, Any]:
    """Versions, platform, the number of CPUs and the names of GPUs, as plain data."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "torch": torch.__version__,  # with its CUDA
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }
