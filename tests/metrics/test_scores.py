import io
import json
import math
from typing import Any

import pytest
from rich.console import Console

from feedbackward.errors import InputError
from feedbackward.metrics import Scores
from feedbackward.metrics.scores import mean, percent, ratio


@pytest.fixture
def scores() -> Scores:
    return Scores(
        scalars={"mean_iou": 0.25, "pixel_accuracy": 0.5, "mean_accuracy": 1.0},
        per_class={"iou": {"[red]b": 0.25, "sky": math.nan}, "accuracy": {"[red]b": 1.0, "sky": math.nan}},
        confusion=[[1, 0], [0, 0]],
        predicted_void=[0, 0],
        names=["[red]b", "sky"],
        notes=["a note [of] ours"],
    )


def printed(scores: Scores) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(scores)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows(text: str) -> list[list[str]]:
    lines = text.replace("\u2503", "\u2502").splitlines()
    return [[cell.strip() for cell in line.strip("\u2502").split("\u2502")] for line in lines if "\u2502" in line]


def test_the_table_shows_percentages_and_a_dash_where_there_is_no_score(scores: Scores) -> None:
    assert rows(printed(scores)) == [
        ["class", "IoU %", "accuracy (recall) %"],
        ["[red]b", "25.0", "100.0"],
        ["sky", "-", "-"],
        ["all classes", "%"],
        ["mean IoU", "25.0"],
        ["pixel accuracy", "50.0"],
        ["mean accuracy (recall)", "100.0"],
    ]


def test_notes_follow_the_table(scores: Scores) -> None:
    assert printed(scores).endswith("a note [of] ours\n")


def test_categories_have_a_table_of_their_own(scores: Scores) -> None:
    scores.per_category = {"iou": {"flat": 0.5}, "iiou": {"flat": math.nan}}
    assert rows(printed(scores))[3:5] == [["category", "IoU %", "iIoU %"], ["flat", "50.0", "-"]]


def test_sizes_have_a_table_of_the_objects_that_occur(scores: Scores) -> None:
    nothing = {"[red]b": 0, "sky": 0}
    undefined = dict.fromkeys(nothing, math.nan)
    scores.by_size = {
        "small": {"objects": {"[red]b": 4, "sky": 0}, "found": {**undefined, "[red]b": 0.5}, "recall": undefined},
        "large": {"objects": nothing, "found": undefined, "recall": undefined},
    }
    expected = [["class, size of object", "objects", "found %", "recall %"], ["[red]b, small", "4", "50.0", "-"]]
    assert rows(printed(scores))[3:5] == expected
    data = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert data["by_size"]["small"] == {
        "objects": {"[red]b": 4, "sky": 0},
        "found": {"[red]b": 0.5, "sky": None},
        "recall": {"[red]b": None, "sky": None},
    }
    assert Scores.from_dict(data).to_dict() == scores.to_dict()


def test_plain_classes_have_six_keys(scores: Scores) -> None:
    assert scores.to_dict() == {
        "scalars": {"mean_iou": 0.25, "pixel_accuracy": 0.5, "mean_accuracy": 1.0},
        "per_class": {"iou": {"[red]b": 0.25, "sky": None}, "accuracy": {"[red]b": 1.0, "sky": None}},
        "confusion": [[1, 0], [0, 0]],
        "predicted_void": [0, 0],
        "names": ["[red]b", "sky"],
        "notes": ["a note [of] ours"],
    }


def test_scores_round_trip_through_json(scores: Scores) -> None:
    data: dict[str, Any] = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    again = Scores.from_dict({"epoch": 3, **data})
    assert math.isnan(again.per_class["iou"]["sky"])
    assert again.to_dict() == scores.to_dict()


def test_plain_classes_have_no_official_file(scores: Scores) -> None:
    with pytest.raises(InputError, match=r"only scores of Cityscapes label ids .* plain JSON"):
        scores.to_official()


@pytest.mark.parametrize(("value", "text"), [(0.4567, "45.7"), (1, "100.0"), (math.nan, "-"), (None, "-")])
def test_percent(value: float | int | None, text: str) -> None:
    assert percent(value) == text


def test_undefined_values_are_left_out_of_means() -> None:
    assert mean([0.5, math.nan, 1.0]) == 0.75
    assert math.isnan(mean([math.nan]))
    assert math.isnan(ratio(0, 0))
