"""A network reads and resizes images as in its training, whatever it is used with, unless an option says otherwise."""

import json

import numpy as np
import pytest
import tifffile

from feedbackward.cli.main import main
from feedbackward.models import from_pretrained
from feedbackward.preprocessing import Resize

RECIPE = """
model:
  name: test_resnet
  encoder_weights: null
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
data:
  class_path: feedbackward.data.folder.FolderData
  init_args: {batch_size: 2, num_workers: 0}
trainer: {max_epochs: 2, accelerator: cpu}
"""
SEEN = ["--data.channels", "4", "--data.value_range", "[0,4095]", "--data.size", "[40,64]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of four bands of 12 bits, 48x72, as TIFF; the brighter band of the last two is the class."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 3)):
        for name in ("images", "masks"):
            (root / name / split).mkdir(parents=True)
        for number in range(count):
            mask = np.zeros((48, 72), np.uint8)
            mask[:, rng.integers(12, 36) :] = 1
            image = rng.integers(0, 1000, (48, 72, 4), dtype=np.uint16)
            image[..., 2:] += np.eye(2, dtype=np.uint16)[mask] * 3000
            tifffile.imwrite(
                root / "images" / split / f"{number}.tif", image, photometric="minisblack", planarconfig="contig"
            )
            tifffile.imwrite(root / "masks" / split / f"{number}.tif", mask * 255)
    (root / "classes.yaml").write_text("classes: [background, {name: thing, value: 255}]\n")
    (root / "recipe.yaml").write_text(RECIPE)
    return root


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    options = ["--config", str(folder / "recipe.yaml"), "--data.root", str(folder), "--run_dir", str(path)]
    main(["fit", *options, *SEEN, "--data.augmentation.scale", "[1.0,1.0]"])
    return path


@pytest.fixture
def score(folder, run, tmp_path):
    """The scores that a command writes, as JSON."""

    def _score(command, *options):
        main([command, *map(str, options), "--json", str(tmp_path / "scores.json")])
        return json.loads((tmp_path / "scores.json").read_text())

    return _score


@pytest.fixture
def evaluate(folder, score):
    def _evaluate(*options):
        data = ("--dataset", "folder", "--classes", folder / "classes.yaml", "--ground-truth", folder / "masks/val")
        return score("evaluate", *data, *options)

    return _evaluate


def test_the_network_stores_how_images_were_read(run):
    preprocessing = from_pretrained(run / "model").preprocessing
    assert (preprocessing.channels, preprocessing.value_range) == (4, (0, 4095))
    assert preprocessing.resize == Resize(size=(40, 64))
    card = (run / "model/README.md").read_text()
    for row in ("| channels | 4 |", "| range of values | 0 to 4095 |", "| size | resized to 40x64 (height x width) |"):
        assert row in card


@pytest.mark.usefixtures("exporting")
def test_every_command_gives_the_scores_of_the_training(folder, run, score, evaluate, tmp_path):
    best = json.loads((run / "metrics.json").read_text())["best"]
    assert best["scalars"]["mean_iou"] > 0.5
    file = tmp_path / "network.onnx"
    main(["export", "--model", str(run / "model"), "--format", "onnx", "--output", str(file)])
    found = [score("validate", "--config", run / "config.yaml")]
    found.append(score("validate", "--config", run / "config.yaml", "--model", file))
    for number, model in enumerate((run / "model", run / "checkpoints/best.ckpt", file)):
        found.append(evaluate("--model", model, "--source", folder / "images/val"))
        predictions = tmp_path / f"predictions{number}"
        main(["predict", str(model), str(folder / "images/val"), "--output", str(predictions)])
        found.append(evaluate("--predictions", predictions / "masks"))
    for scores in found:
        assert scores["confusion"] == best["confusion"]


def test_a_recipe_that_reads_otherwise_gives_way_and_an_option_does_not(folder, run, score, capsys):
    best = json.loads((run / "metrics.json").read_text())["best"]
    options = ("--config", folder / "recipe.yaml", "--data.root", folder, "--data.channels", "4", "--run_dir", run)
    assert score("validate", *options)["confusion"] == best["confusion"]
    trained = "the network was trained on images resized to 40x64 (height x width) in the range [0.0, 4095.0]"
    assert f"images are not resized; {trained}, and is scored on those" in " ".join(capsys.readouterr().out.split())
    score("validate", *options, "--data.size", "[36,60]", "--data.value_range", "[0,4095]")
    assert "images are resized to 36x60 (height x width) in the range" in capsys.readouterr().out


def test_images_of_other_bands_are_skipped_by_name(run, tmp_path, capsys):
    tifffile.imwrite(
        tmp_path / "five.tif", np.zeros((48, 72, 5), np.uint16), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(SystemExit) as exit:
        main(["predict", str(run / "model"), str(tmp_path / "five.tif"), "--output", str(tmp_path / "out")])
    assert exit.value.code == 1
    assert "five.tif has 5 channels; expected 4" in capsys.readouterr().err
