"""The races of the documentation: that their networks exist, and where their results go."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from feedbackward.benchmark import RUNTIMES, create_candidate

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "races.py"


@pytest.fixture
def module():
    spec = spec_from_file_location("races", SCRIPT)
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_every_network_and_runtime_is_one(module):
    names, runtimes = set(), {"eager"}
    for arguments in module.races().values():
        options = dict(pairwise(arguments))
        names |= set(options["--models"].split(","))
        runtimes |= set(options.get("--runtimes", "eager").split(","))
    with torch.device("meta"):
        for name in names:
            create_candidate(name)
    assert runtimes <= set(RUNTIMES)


def test_a_race_leaves_its_result(module, monkeypatch, tmp_path):
    small = ["--models", "feedbackward/test_resnet", "--size", "32,64"]
    monkeypatch.setattr(module, "races", lambda: {"small": small})
    monkeypatch.setattr(module, "RESULTS", tmp_path / "performance")
    module.run([])
    (result,) = json.loads((tmp_path / "performance" / "small.json").read_text())["results"]
    assert result["name"] == "feedbackward/test_resnet"
    with pytest.raises(SystemExit, match="no race smal; there are small"):
        module.run(["smal"])
