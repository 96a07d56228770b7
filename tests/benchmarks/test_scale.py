"""How a prediction grows, at tiny sizes; nothing here depends on how long anything takes."""

import json

import pytest


@pytest.fixture
def scale(script):
    return script("scale")


@pytest.mark.parametrize(("power", "factor"), [(1, 3.0), (2, 0.1), (0, 7.0)])
def test_an_exponent_is_the_power_with_which_a_measurement_grows(scale, power, factor):
    points = [{"number": number, "seconds": factor * number**power} for number in (1, 5, 30)]
    assert scale.exponent(points, "seconds") == pytest.approx(power, abs=1e-9)


def test_each_axis_varies_one_number(scale):
    axes = scale.axes((512, 1024), 1000)
    assert list(axes["images"]) == [1, 10, 100, 1000]
    assert axes["pixels"][4096 * 8192].size == (4096, 8192)
    for name, field in (("batch", "batch"), ("threads", "threads"), ("classes", "classes"), ("tasks", "tasks")):
        cases = axes[name]
        assert [getattr(case, field) for case in cases.values()] == list(cases)
        assert len({scale.replace(case, **{field: 1}) for case in cases.values()}) == 1


@pytest.mark.parametrize(("way", "changes"), [("network", {"classes": 300}), ("predict", {"files": 3})])
@pytest.mark.usefixtures("exporting")
def test_a_case_is_measured(scale, monkeypatch, tmp_path, way, changes):
    monkeypatch.setattr(scale, "ENCODER", "test_resnet")
    case = scale.Case(way, (64, 64), **changes)
    scale.WAYS[way][0](case, tmp_path)
    found = scale.measure(case, tmp_path)
    assert found["seconds"] > 0
    assert found["peak_bytes"] > 0
    if way == "predict":
        assert len(list(tmp_path.glob("3_files/predictions/masks/*.png"))) == 3


def test_the_results_as_a_file_and_as_a_table(scale, monkeypatch, tmp_path, capsys):
    file = tmp_path / "scale.json"
    arguments = ["--only", "pairs", "--images", "10", "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["scale.py", *arguments])
    scale.main()
    (axis,) = json.loads(file.read_text())["results"]
    assert [point["number"] for point in axis["points"]] == [1, 10]
    assert "exponent" in capsys.readouterr().out
