"""Mean IoU against time, from files written by hand."""

import json

import pytest

PEER = "smp/FPN/mobilenet_v2"
KNOWN = {"encoder_name": "test_resnet", "retrace": "transitions"}
RESULTS = [
    ("ours", "feedbackward", KNOWN, 0.40),
    ("ours", "feedbackward", KNOWN, 0.50),
    ("ours, slower", "feedbackward", KNOWN, 0.41),
    ("theirs", "smp", {"architecture": "FPN", "encoder_name": "mobilenet_v2"}, 0.6),
    ("changed", "without_skips", {"encoder_name": "test_resnet"}, 0.1),
    ("segnet", "segnet", {"encoder_name": "vgg16_quarter"}, 0.1),
]


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    for number, (row, model, options, score) in enumerate(RESULTS):
        result = {"row": row, "model": model, "options": options, "last": {"scalars": {"mean_iou": score}}}
        (folder / f"{number}.json").write_text(json.dumps(result))
    return folder


def times(folder, *names):
    results = [{"name": name, "runtime": "eager", "images_per_second": 10.0} for name in names]
    path = folder / "times.json"
    path.write_text(json.dumps({"results": results}))
    return path


def test_the_score_is_the_best_row_s_mean_over_the_seeds(script, study):
    scores = script("tradeoff").read_scores(study)
    assert sorted(score for _, score in scores) == [pytest.approx(0.45), 0.6]
    assert {config["model"] for config, _ in scores} == {"feedbackward", "smp"}


def test_the_figure_has_the_networks_that_the_study_has_scored(script, study, tmp_path, capsys):
    path = times(tmp_path, "feedbackward/test_resnet?retrace=transitions", PEER, "feedbackward/test_resnet")
    script("tradeoff").main([str(path), str(study), str(tmp_path / "figure.svg")])
    assert capsys.readouterr().out == "left out, the study has no score of it: feedbackward/test_resnet\n"
    figure = (tmp_path / "figure.svg").read_text()
    assert f"60.0  {PEER}, eager" in figure
    assert "45.0  feedbackward/test_resnet?retrace=transitions, eager" in figure


def test_without_a_score_there_is_no_figure(script, study, tmp_path):
    path = times(tmp_path, "segnet")
    with pytest.raises(SystemExit, match="the study has no score of any of these networks"):
        script("tradeoff").main([str(path), str(study), str(tmp_path / "figure.svg")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="has no results of a study"):
        script("tradeoff").main([str(path), str(tmp_path / "empty"), str(tmp_path / "figure.svg")])
    assert not (tmp_path / "figure.svg").exists()
