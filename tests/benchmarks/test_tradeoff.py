"""Mean IoU against trained parameters and time, from results written by hand."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch

from feedbackward.benchmark.candidates import create_candidate

UNET = "smp/Unet/tu-tf_efficientnet_lite0"
OURS = "feedbackward/tf_efficientnet_lite0?rank=16&head_channels=64&head_strides=all"


def configuration(name, **changes):
    with torch.device("meta"):
        return {**create_candidate(name, classes=11).config, **changes}


@pytest.fixture
def tradeoff(networks):
    return import_module("tradeoff")


@pytest.fixture
def results(networks, tmp_path):
    """Ours on a frozen encoder at two learning rates, the better one from two seeds, and smp.Unet from one."""
    plan, runs = import_module("plan"), import_module("runs")
    folders = runs.Folders(Path(), Path(), Path(), tmp_path / "claims")
    folders.results.mkdir()
    rows = {row.name: row for row in plan.claims()[0].rows}
    frozen, unet = configuration(OURS, freeze_encoder=True), configuration(UNET)
    for name, rate, seed, network, score in (
        ("lite0_frozen", "0.01", 0, frozen, 0.5),
        ("lite0_frozen", "0.003", 0, frozen, 0.3),
        ("lite0_frozen", "0.01", 1, frozen, 0.6),
        ("lite0_unet", "0.003", 0, unet, 0.2),
        ("lite0_unet", "0.001", 0, unet, 0.1),
    ):
        run = runs.Run(rows[name], rate, seed, (), folders)
        result = {"row": name, "made_by": run.recipe, "network": network, "last": {"scalars": {"mean_iou": score}}}
        run.result.write_text(json.dumps(result))
    return folders.results


def test_points_have_scores_by_seed_trained_parameters_and_time(tradeoff, results):
    times = [{"name": OURS, "images_per_second": 10.0}]
    ours, unet = tradeoff.read_points("camvid", results, times)
    assert (ours.title, ours.frozen, ours.milliseconds) == ("ours", True, 100)
    assert ours.scores == pytest.approx((50, 60))
    assert ours.trained == 173_931  # as in the study
    assert (unet.title, unet.frozen, unet.milliseconds) == ("smp.Unet", False, None)
    assert unet.scores == pytest.approx((20,))


def test_the_figure_has_a_label_for_each_network(tradeoff, results, tmp_path, capsys):
    times = tmp_path / "times.json"
    rates = {OURS: 10.0, "timm/tf_efficientnet_lite0": 25.0}
    times.write_text(json.dumps({"results": [{"name": name, "images_per_second": rates[name]} for name in rates]}))
    tradeoff.main([str(times), str(results), str(tmp_path / "figure.svg"), "--groups", "camvid"])
    assert capsys.readouterr().out == "no time of: smp.Unet\n"
    figure = (tmp_path / "figure.svg").read_text()
    for text in ("ours", "smp.Unet", "hollow: encoder frozen", "trained parameters", "milliseconds per image"):
        assert f"<!-- {text} -->" in figure
    (line,) = tradeoff.draw([], 40.0).axes[1].lines
    assert list(line.get_xdata()) == [40, 40]


def test_a_group_without_results_is_refused(tradeoff, tmp_path):
    times = tmp_path / "times.json"
    times.write_text(json.dumps({"results": []}))
    with pytest.raises(SystemExit, match="has no results of 'camvid'; train it with benchmarks/study"):
        tradeoff.main([str(times), str(tmp_path), str(tmp_path / "figure.svg")])
    assert not (tmp_path / "figure.svg").exists()
