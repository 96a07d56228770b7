"""The benchmark of whole commands: its loops run, its rows are compared; nothing depends on how long anything takes.

Only the slow test starts processes.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, save
from PIL import Image

from feedbackward.models import create_model

SIZE = (48, 64)


@pytest.fixture
def loops(script):
    return script("bare_loops")


@pytest.fixture
def commands(script):
    return script("commands")


@pytest.fixture
def data(script, tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    script("loading").draw(root, 8, SIZE, validation=3, classes=5)
    return root


def test_the_data_has_as_many_classes_and_images_as_it_should(data):
    masks = [np.asarray(Image.open(path)) for path in data.glob("masks/*/*.png")]
    assert len(masks) == 11
    assert np.max(masks) == 4


def test_a_step_is_repeated_on_the_items(loops):
    seen = []
    assert loops.timed(seen.append, [1, 2, 3], 5) >= 0
    assert seen == [1, 1, 2, 3, 1, 2]


def test_loops_of_images_and_masks(loops, data, tmp_path):
    images, masks = data / "images" / "val", data / "masks" / "val"
    create_model("test_resnet", classes=5, encoder_weights=None).save_pretrained(tmp_path / "network")
    assert loops.decoding(images, count=4) > 0
    assert loops.writing(masks, count=4) > 0
    assert loops.network(tmp_path / "network", images, count=2) > 0
    assert loops.counting(masks, masks, count=3) > 0


def test_a_session_takes_images(loops, data, tmp_path):
    value, *copy = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *SIZE]) for name in ("image", "logits")
    )
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["logits"])], "copy", [value], copy)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, tmp_path / "copy.onnx")
    assert loops.session(tmp_path / "copy.onnx", data / "images" / "val", count=4) > 0


def test_pairs_are_counted(loops, tmp_path):
    for name, values in (("truth.png", [[0, 1], [1, 255]]), ("prediction.png", [[0, 1], [2, 0]])):
        Image.fromarray(np.array(values, np.uint8)).save(tmp_path / name)
    counts = loops.confusion((tmp_path / "truth.png", tmp_path / "prediction.png"))
    assert {index: int(counts[index]) for index in counts.nonzero()[0]} == {0: 1, 257: 1, 258: 1, 255 * 256: 1}


def test_training_steps_change_the_weights(loops, data, monkeypatch):
    made = []

    def small(name, **options):
        made.append(create_model("test_resnet", **options))
        before.update({key: value.clone() for key, value in made[0].state_dict().items()})
        return made[0]

    before = {}
    monkeypatch.setattr(loops, "create_model", small)
    assert loops.training(data, count=1) > 0
    assert any(not torch.equal(value, before[key]) for key, value in made[0].state_dict().items())


def test_the_rate_leaves_out_the_start(script, tmp_path, monkeypatch):
    measurements, removed = script("measurements"), tmp_path / "output"

    def run(command, *, keep):
        assert keep
        assert not removed.exists()
        removed.mkdir()
        command.wall.append({"many": 12.0, "few": 3.0}[command.name])

    monkeypatch.setattr(measurements, "run", run)
    many, few = (measurements.Command(name, [], 0, [], []) for name in ("many", "few"))
    rate = measurements.Rate("predict", "predict", many, few, (10, 1), removed)
    rate.measure()
    assert rate.row() == measurements.Row("predict", "predict", 1.0, 1.2)


def measured(commands, folder, arguments, monkeypatch, **seconds):
    """The rows of a run in which processes take the times given, or 2 seconds; each second one of a name 0.1 more."""
    measurements, runs = sys.modules["measurements"], Counter()

    def run(command, *, keep):
        command.wall.append(seconds.get(command.name, 2.0 + 0.1 * (runs[command.name] % 2)))
        runs[command.name] += 1

    monkeypatch.setattr(commands, "prepare", lambda folder, options: None)
    monkeypatch.setattr(measurements, "run", run)
    monkeypatch.setattr(measurements.Loop, "measure", lambda loop: loop.taken.append(0.05))
    commands.main([*arguments, "--json", str(folder / "commands.json")])
    return json.loads((folder / "commands.json").read_text())["results"]


def test_every_row_is_written_and_shown(commands, tmp_path, monkeypatch, capsys):
    arguments = ["--images-count", "2", "--steps", "2", "--repeats", "2"]
    rows = measured(commands, tmp_path, arguments, monkeypatch, **{"import torch": 1.25})
    names = {group: [row["name"] for row in rows if row["group"] == group] for group in {row["group"] for row in rows}}
    assert names["predict"][0] == "feedbackward predict"
    assert names["predict"][1:] == [
        "network alone",
        "decoding alone",
        "writing masks alone",
        commands.SMP,
        commands.TORCHVISION,
    ]
    assert {group: own[0] for group, own in names.items() if group in ("fit", "validate", "evaluate")} == {
        group: f"feedbackward {group}" for group in ("fit", "validate", "evaluate")
    }
    assert names["first prediction"][-2:] == ["import torch", "import timm"]
    printed = capsys.readouterr()
    assert f"{commands.TRANSFORMERS}: left out, as --peer is not given" in printed.err
    predict = next(row for row in rows if row["group"] == "predict")
    assert predict["seconds"] == pytest.approx(0.1)  # 2.1 for both images, 2 for one
    assert predict["with_start"] == pytest.approx(1.05)
    assert "0.50" in printed.out  # the network alone takes 0.05
    assert "1.25" in printed.out


def test_a_peer_runs_in_its_environment(commands, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "Rate", lambda group, name, many, *_: ran.append(many.arguments))
    options = commands.argparse.Namespace(images_count=2, steps=2, peer=Path("elsewhere"))
    commands.list_measurements(tmp_path, options)
    (found,) = (line for line in ran if line[1].endswith("transformers_segformer.py"))
    assert found[0] == "elsewhere/python"


@pytest.mark.slow
@pytest.mark.usefixtures("exporting")
def test_a_rehearsal(commands, tmp_path):
    file = tmp_path / "commands.json"
    commands.main(["--images-count", "3", "--size", "64,96", "--steps", "1", "--repeats", "1", "--json", str(file)])
    rows = json.loads(file.read_text())["results"]
    assert {row["group"] for row in rows} == {"predict", "fit", "validate", "evaluate", "first prediction"}
    assert all(row["with_start"] > 0 for row in rows if row["with_start"] is not None)
