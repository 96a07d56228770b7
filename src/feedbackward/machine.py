"""A record of the machine and the package versions behind a result."""

import os
import platform
from importlib.metadata import version
from typing import Any

import torch

PACKAGES = ("feedbackward", "torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy")


def describe_machine() -> dict[str, Any]:
    """Return the versions of Python and packages, the platform, the number of CPUs and the names of GPUs."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "torch": torch.__version__,  # includes the CUDA version
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }
