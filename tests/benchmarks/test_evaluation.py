import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "evaluation.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("evaluation", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_more_than_half_the_time_is_a_failure(benchmark, capsys):
    benchmark.judge({"official": [2.0, 9.0, 1.0], "feedbackward": [1.0, 0.1, 4.0]})
    assert capsys.readouterr().out.split()[-1] == "0.50"
    with pytest.raises(SystemExit) as caught:
        benchmark.judge({"official": [2.0], "feedbackward": [1.1]})
    assert caught.value.code == "feedbackward takes more than 0.5 of the time of the official evaluator"
