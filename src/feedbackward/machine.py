"""The device to run on, and a record of the machine and the package versions behind a result."""

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from feedbackward.errors import InputError

if TYPE_CHECKING:
    import torch

Device: TypeAlias = Literal["auto", "cpu", "cuda"]

PACKAGES = ("feedbackward", "torch", "torchvision", "timm", "lightning", "torchmetrics", "numpy")


def describe_machine() -> dict[str, Any]:
    """Return the versions of Python and packages, the platform, the number of CPUs and the names of GPUs."""
    import torch

    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "torch": torch.__version__,  # includes the CUDA version
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def choose_device(name: Device) -> "torch.device":
    """Return the device of a name; "auto" is the GPU if there is one, else the CPU.

    Raises:
        InputError: If the name is "cuda" and PyTorch sees no GPU.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("device cuda: PyTorch sees no GPU here; run on the CPU, or install a CUDA build of PyTorch")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
