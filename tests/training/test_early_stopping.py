"""A training that early stopping has ended stays ended, unless its patience is raised."""

import json

import pytest

from feedbackward.cli import fit
from feedbackward.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's, which run() quietens


def test_a_training_that_was_stopped_is_not_resumed_unless_its_patience_is_raised(scenes, tmp_path):
    run = tmp_path / "run"
    command = [*scenes, "--run_dir", str(run), "--trainer.max_epochs", "8", "--early_stopping.min_delta", "1"]
    fit.main("fit", [*command, "--early_stopping.patience", "1"])
    assert epochs(run) == 2  # no epoch is better by 1 than the first

    resume = [*command, "--ckpt_path", "last", "--early_stopping.patience"]
    with pytest.raises(
        InputError, match=r"finished 2 epochs and early stopping ended it; .*--early_stopping\.patience"
    ):
        fit.main("fit", [*resume, "1"])
    (run / "report.html").unlink()  # as if it had been killed after its last epoch
    fit.main("fit", [*resume, "1"])
    assert epochs(run) == 2
    assert (run / "report.html").is_file()
    fit.main("fit", [*resume, "2"])
    assert epochs(run) == 3


def epochs(run):
    return json.loads((run / "metrics.json").read_text())["epochs"]
