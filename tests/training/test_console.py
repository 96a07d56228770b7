import pytest

from feedbackward.metrics import Scores
from feedbackward.training.console import print_scores


@pytest.fixture
def scores():
    return Scores(
        scalars={"mean_iou": 0.5},
        per_class={"iou": {"[red]b": 0.25}},
        confusion=[[1]],
        predicted_void=[0],
        names=["[red]b"],
        notes=["a note [of] ours"],
    )


def test_names_are_not_taken_for_markup(scores, capsys):
    print_scores(scores, title="validation, runs/r3[x]/best.ckpt")
    printed = capsys.readouterr().out
    assert "runs/r3[x]/best.ckpt" in printed
    assert "[red]b" in printed


def test_notes_follow_the_table(scores, capsys):
    print_scores(scores, title="test")
    assert capsys.readouterr().out.endswith("a note [of] ours\n")
