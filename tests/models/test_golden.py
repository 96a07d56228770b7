"""The logits of the presets and of six encoders, before and after a step of gradient descent, have not moved."""

import json
import runpy
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

MAKE = runpy.run_path(str(Path(__file__).parents[1] / "fixtures" / "golden_logits" / "make.py"))
GOLDEN = json.loads(MAKE["FILE"].read_text())


def test_the_fixture_contains_every_network() -> None:
    assert GOLDEN.keys() == MAKE["NETWORKS"].keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_logits_are_the_recorded_ones(name: str) -> None:
    found = MAKE["logits"](MAKE["NETWORKS"][name])
    for mode, expected in GOLDEN[name].items():
        largest = max(map(abs, expected))
        assert_close(torch.tensor(found[mode]), torch.tensor(expected), rtol=0, atol=1e-5 * largest + 1e-6)
