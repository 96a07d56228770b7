import json
import platform

import numpy as np
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.machine import choose_device, describe_machine


def test_it_names_the_versions_that_run():
    described = describe_machine()
    assert described["python"] == platform.python_version()
    assert (described["numpy"], described["torch"]) == (np.__version__, torch.__version__)


def test_it_is_plain_data():
    assert json.loads(json.dumps(describe_machine())) == describe_machine()


def test_devices_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="sees no GPU here"):
        choose_device("cuda")


def test_devices_with_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")
