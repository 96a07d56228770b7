import json
import platform
from pathlib import Path

import numpy as np
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.machine import choose_device, describe_machine, peak_memory


def test_it_names_the_versions_that_run():
    described = describe_machine()
    assert described["python"] == platform.python_version()
    assert (described["numpy"], described["torch"]) == (np.__version__, torch.__version__)


def test_it_is_plain_data():
    assert json.loads(json.dumps(describe_machine())) == describe_machine()


@pytest.fixture
def accelerators(monkeypatch):
    """Replaces what PyTorch sees: an accelerator's type, or None, and how many there are."""

    def see(kind, count):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: kind is not None)
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
        monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)

    return see


def test_devices_of_a_machine_without_accelerator(accelerators):
    accelerators(None, 0)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match=r"device cuda:1: PyTorch sees only the CPU here; use --device auto, or"):
        choose_device("cuda:1")


def test_devices_of_a_machine_with_two_gpus(accelerators):
    accelerators("cuda", 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="device cuda:2: PyTorch sees 2 here, cuda:0 to cuda:1"):
        choose_device("cuda:2")
    with pytest.raises(InputError, match="device mps: PyTorch sees cuda and the CPU here"):
        choose_device("mps")


@pytest.mark.parametrize(("process", "device"), [("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0")])
def test_each_process_of_torchrun_takes_a_gpu(accelerators, monkeypatch, process, device):
    accelerators("cuda", 2)
    monkeypatch.setenv("LOCAL_RANK", process)
    assert choose_device("auto") == torch.device(device)
    assert choose_device("cuda:1") == torch.device("cuda:1")


def test_other_accelerators_than_gpus_of_cuda(accelerators):
    accelerators("mps", 1)
    assert choose_device("auto") == choose_device("mps") == torch.device("mps")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "0x"])
def test_a_name_that_is_no_device_of_pytorch(name):
    with pytest.raises(InputError, match="expected auto, or a device of PyTorch such as cpu, cuda, cuda:1, mps"):
        choose_device(name)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="compares with Linux's own count")
def test_the_peak_memory_is_that_of_the_process():
    before = peak_memory(torch.device("cpu"))
    block = np.ones(200_000_000, np.uint8)
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    assert peak_memory(torch.device("cpu")) == pytest.approx(peak, rel=0.02)
    assert peak_memory(torch.device("cpu")) >= before
    assert block.sum() == 200_000_000
