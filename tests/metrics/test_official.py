"""Agreement with the result files of cityscapesScripts (made by fixtures/cityscapes_scores/make.py)."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from feedbackward.data import find_source
from feedbackward.metrics import Scores, score_files

FIXTURES = Path(__file__).parents[1] / "fixtures" / "cityscapes_scores"
SETS = ["mixed", "sparse", "void"]


def official(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((FIXTURES / name / "official.json").read_text())
    return result


def ours(name: str, *, workers: int = 1) -> Scores:
    source = find_source("cityscapes")
    pairs = source.pair(FIXTURES / name / "gtFine", FIXTURES / name / "predictions")
    return score_files(pairs, classes=source.read_classes(), scoring=source.scoring, workers=workers)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("workers", [1, 3])
def test_every_number_is_the_official_one(name: str, workers: int) -> None:
    expected, found = official(name), ours(name, workers=workers).to_official()
    assert found.keys() == expected.keys()
    assert found["confMatrix"] == expected["confMatrix"]
    assert found["labels"] == expected["labels"]
    for key, value in expected.items():
        if key in ("confMatrix", "labels"):
            continue
        scores = value if isinstance(value, dict) else {"": value}
        own = found[key] if isinstance(value, dict) else {"": found[key]}
        assert own.keys() == scores.keys()
        for label, score in scores.items():
            assert math.isnan(own[label]) == math.isnan(score), (key, label)
            assert math.isnan(score) or abs(own[label] - score) <= 1e-9, (key, label)


def test_the_sparse_set_shows_the_rules_for_absent_classes() -> None:
    scores = ours("sparse")
    iou, iiou = scores.per_class["iou"], scores.per_class["iiou"]
    assert iou["fence"] == 0  # absent, but predicted where it counts
    assert math.isnan(iou["sky"])  # absent, predicted on void only
    assert iiou["rider"] == 0
    assert math.isnan(iiou["bicycle"])
    present = ("bus", "car", "fence", "person", "rider", "road")
    assert scores.scalars["mean_iou"] == pytest.approx(sum(iou[name] for name in present) / 6)


@pytest.mark.parametrize("name", SETS)
def test_the_official_file_round_trips_through_json(name: str) -> None:
    scores = ours(name)
    again = Scores.from_dict(json.loads(json.dumps(scores.to_dict(), allow_nan=False)))
    assert json.dumps(again.to_official()) == json.dumps(scores.to_official())


def test_the_fixtures_show_every_case() -> None:
    confusion = official("mixed")["confMatrix"]
    assert all(sum(row) for row in confusion)
    assert all(sum(column) for column in zip(*confusion, strict=True))
    assert all(math.isnan(official("void")[key]) for key in official("void") if key.startswith("average"))
