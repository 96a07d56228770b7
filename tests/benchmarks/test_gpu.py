"""The benchmarks on a GPU: what is rehearsed on the CPU are the commands that run there."""

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.names import RUNTIME_NAMES, TRAINING_RUNTIME_NAMES
from feedbackward.cli.benchmark import build_parser


@pytest.fixture
def gpu(script):
    return script("gpu")


@pytest.mark.parametrize("rehearse", [False, True])
def test_every_part_is_a_command_with_known_networks_and_runtimes(gpu, rehearse):
    names = set()
    for name, arguments in gpu.parts(rehearse=rehearse, tensorrt=not rehearse).items():
        options = build_parser().parse_args(arguments)
        names |= set(options.models.split(","))
        assert options.runtimes in (TRAINING_RUNTIME_NAMES if name == "gpu_training" else RUNTIME_NAMES)
        assert rehearse == (options.runtimes not in ("cuda", "tensorrt"))
    with torch.device("meta"):
        for name in names:
            create_candidate(name)


def test_what_the_time_does_not_allow_is_named(gpu, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr("sys.argv", ["gpu.py", "--rehearse", "--minutes", "0", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="not measured: gpu_batch_1, gpu_batch_8, gpu_training, gpu_batch_32"):
        gpu.main()
    assert not list(tmp_path.iterdir())
