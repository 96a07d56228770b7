"""The benchmarks of the documentation: their networks exist, and their results are written to the right files."""

import json
from itertools import pairwise

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.names import TRAINING_RUNTIME_NAMES
from feedbackward.benchmark.runtimes import RUNTIMES


@pytest.fixture
def performance(script):
    return script("performance")


@pytest.mark.slow
def test_every_network_and_runtime_exists(performance):
    names, runtimes = set(), {"eager"}
    for arguments in performance.benchmarks().values():
        options = dict(pairwise(arguments))
        names |= set(options["--models"].split(","))
        runtimes |= set(options.get("--runtimes", "eager").split(","))
    with torch.device("meta"):
        for name in names:
            create_candidate(name)
    assert runtimes <= {*RUNTIMES, *TRAINING_RUNTIME_NAMES}


def test_a_benchmark_writes_its_result(performance, monkeypatch, tmp_path):
    small = ["--models", "feedbackward/test_resnet", "--size", "32,64"]
    monkeypatch.setattr(performance, "benchmarks", lambda: {"small": small})
    monkeypatch.setattr(performance, "RESULTS", tmp_path / "performance")
    performance.run(["small"])
    (result,) = json.loads((tmp_path / "performance" / "small.json").read_text())["results"]
    assert result["name"] == "feedbackward/test_resnet"
    with pytest.raises(SystemExit, match="unknown benchmark smal; expected some of small, loading"):
        performance.run(["smal"])
