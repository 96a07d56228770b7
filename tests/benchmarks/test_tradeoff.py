"""Mean IoU against time, from files written by hand."""

import json

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate

PEER = "smp/FPN/mobilenet_v2"
OURS = "feedbackward/test_resnet?retrace=transitions"


def configuration(name):
    with torch.device("meta"):
        return create_candidate(name, classes=11).config


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    ours, theirs = configuration(f"{OURS}&output_stride=4"), configuration(PEER)
    for number, (row, network, score) in enumerate(
        [
            ("ours", ours, 0.40),
            ("ours", ours, 0.50),
            ("ours, slower", ours, 0.41),
            ("theirs", theirs, 0.6),
            ("changed", {**ours, "model": "without_skips"}, 0.1),
        ]
    ):
        result = {"row": row, "network": network, "last": {"scalars": {"mean_iou": score}}}
        (folder / f"{number}.json").write_text(json.dumps(result))
    return folder


def times(folder, *names):
    results = [{"name": name, "runtime": "eager", "images_per_second": 10.0} for name in names]
    path = folder / "times.json"
    path.write_text(json.dumps({"results": results}))
    return path


def test_the_score_is_the_mean_over_the_seeds_of_the_best_row(script, study):
    assert sorted(script("tradeoff").read_scores(study).values()) == [0.1, pytest.approx(0.45), 0.6]


def test_the_figure_has_the_networks_that_the_study_has_scored(script, study, tmp_path, capsys):
    path = times(tmp_path, OURS, PEER, "feedbackward/test_resnet")
    script("tradeoff").main([str(path), str(study), str(tmp_path / "figure.svg")])
    assert capsys.readouterr().out == "left out, the study has no score of it: feedbackward/test_resnet\n"
    figure = (tmp_path / "figure.svg").read_text()
    assert f"60.0  {PEER}, eager" in figure
    assert f"45.0  {OURS}, eager" in figure


def test_without_a_score_there_is_no_figure(script, study, tmp_path):
    path = times(tmp_path, "segnet")
    with pytest.raises(SystemExit, match="the study has no score of any of these networks"):
        script("tradeoff").main([str(path), str(study), str(tmp_path / "figure.svg")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="has no results of a study"):
        script("tradeoff").main([str(path), str(tmp_path / "empty"), str(tmp_path / "figure.svg")])
    assert not (tmp_path / "figure.svg").exists()
