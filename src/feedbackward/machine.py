"""The device to run on, and a record of the machine and the package versions behind a result."""

import os
import platform
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from feedbackward.errors import InputError

if TYPE_CHECKING:
    import torch

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


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory(device: "torch.device") -> int | None:
    """The most memory in bytes so far: of the tensors on a GPU, else of this process; None where no system call says.

    Args:
        device: The device that runs the network.
    """
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # on Windows
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def choose_device(name: str) -> "torch.device":
    """Return the device of a name as PyTorch writes it, such as "cpu", "cuda:1" or "mps".

    Args:
        name: The name, or "auto": the accelerator that PyTorch sees (cuda, mps, xpu), else the CPU.

    Raises:
        InputError: If there is no such device here.
    """
    import torch

    # None for a build of PyTorch that is for CPUs alone, and for a machine without the accelerator.
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        if accelerator is None:
            return torch.device("cpu")
        if "LOCAL_RANK" in os.environ:  # of torchrun: each process of a machine takes its own
            return torch.device(accelerator.type, int(os.environ["LOCAL_RANK"]) % torch.accelerator.device_count())
        return torch.device(accelerator.type)
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"device {name}: expected auto, or a device of PyTorch such as cpu, cuda, cuda:1, mps"
        ) from error
    if device.type == "cpu":
        return device
    if accelerator is None or device.type != accelerator.type:
        seen = "only the CPU" if accelerator is None else f"{accelerator.type} and the CPU"
        raise InputError(
            f"device {name}: PyTorch sees {seen} here; use --device auto, or install a build for {device.type}"
        )
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise InputError(f"device {name}: PyTorch sees {count} here, {device.type}:0 to {device.type}:{count - 1}")
    return device
