"""The card of a trained network: its numbers against others that are computed from the files, and what repeats it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from PIL import Image

import feedbackward as fb
from feedbackward.cli import fit
from feedbackward.errors import InputError
from feedbackward.models.origin import timm_origin
from feedbackward.training.portable import shown_place

RECIPE = """
model:
  name: test_resnet
  decoder: {output_stride: 2}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
data:
  class_path: feedbackward.data.folder.FolderData
  init_args: {batch_size: 2, num_workers: 0}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    """Five training and three validation images of two colors in stripes."""
    root, rng = tmp_path_factory.mktemp("data") / "coffee_leaves", np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 3)):
        for number in range(count):
            mask = rng.integers(0, 2, (1, 4), dtype=np.uint8).repeat(6, axis=1).repeat(16, axis=0)
            image = np.eye(3, dtype=np.uint8)[mask] * 200 + rng.integers(0, 50, (16, 24, 3), dtype=np.uint8)
            for folder, array in (("images", image), ("masks", mask)):
                (root / folder / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(root / folder / split / f"{number}.png")
    (root / "classes.yaml").write_text("classes: [leaf, rust]\n")
    return root


@pytest.fixture
def train(leaves, tmp_path, monkeypatch):
    """Train in an empty folder into the run rust_3; further arguments are those of fit."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def _train(*more, run="rust_3"):
        where = ["--config", "recipe.yaml", "--data.root", str(leaves), "--run_dir", f"runs/{run}"]
        fit.main("fit", [*where, *map(str, more)])
        return tmp_path / "runs" / run

    return _train


def facts(run):
    card = ModelCard.load(run / "model/README.md").text
    return re.findall(r"^- (.*)", card[card.index("## Scores") : card.index("## Training")], flags=re.MULTILINE)


def mean_iou_of_card(run):
    results = ModelCard.load(run / "model/README.md").data.eval_results
    return next(result.metric_value for result in results if result.metric_type == "mean IoU")


def mean_iou(run, leaves, names):
    """The mean IoU of the saved network on validation images in percent, with numpy."""
    segmenter = fb.load(run / "model")
    masks = [np.asarray(Image.open(leaves / "masks/val" / f"{name}.png")) for name in names]
    predictions = [segmenter(leaves / "images/val" / f"{name}.png").mask for name in names]
    truth, prediction = np.stack(masks), np.stack(predictions)
    both = [(truth == index) & (prediction == index) for index in range(2)]
    any_of = [(truth == index) | (prediction == index) for index in range(2)]
    return 100 * np.mean([a.sum() / b.sum() for a, b in zip(both, any_of, strict=True)])


def test_the_numbers_of_a_limited_training_are_those_of_the_images_that_it_used(train, leaves):
    run = train("--trainer.limit_val_batches", 2, "--trainer.limit_train_batches", 0.5)
    said = " ".join(facts(run))
    assert "of 2, the best of the 2 that were scored, on the same 2 of 3 images, seed 0: expect" in said
    assert ": 2 epochs, in which 4 images were seen, repeated ones included; the training set has 5." in said
    assert "The encoder started from random weights." in said
    assert mean_iou_of_card(run) == pytest.approx(mean_iou(run, leaves, [0, 1]), abs=0.06)
    assert mean_iou_of_card(run) != pytest.approx(mean_iou(run, leaves, [0, 1, 2]), abs=0.06)


def test_the_card_of_a_resumed_training_is_about_all_of_it(train, leaves, tmp_path):
    """Images of 2x3 pixels are worse than the best epoch before, which was trained on others."""
    run = train("--trainer.max_epochs", 20)
    before = json.loads((run / "metrics.json").read_text())
    assert before["best"]["scalars"]["mean_iou"] > 0.8
    resumed = ["--ckpt_path", "last", "--trainer.max_epochs", 21, "--data.size", "[2,3]", "--seed_everything", 7]
    train(*resumed)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["curves"][:20] == before["curves"]
    assert metrics["best"] == before["best"]
    assert metrics["seed"] == 0
    assert (metrics["run"], metrics["data"]) == ("rust_3", "coffee_leaves")
    seconds = sum(record["seconds"] for record in metrics["curves"])
    assert f"Trained in {seconds:.0f} s: 21 epochs, in which 84 images were seen" in facts(run)[1]
    assert "of 21, the best of the 21 that were scored, on the same 3 images, seed 0:" in facts(run)[0]
    assert facts(run)[-1] == (
        "Up to epoch 20: seed_everything 0 (later 7), trainer.max_epochs 20 (later 21), "
        "data.init_args.size None (later [2, 3])."
    )
    assert all(fact in (run / "report.html").read_text() for fact in facts(run))

    fit.main("validate", ["--config", f"{run}/config.yaml", "--json", f"{tmp_path}/scores.json"])
    validated = json.loads((tmp_path / "scores.json").read_text())["scalars"]["mean_iou"]
    assert mean_iou_of_card(run) == pytest.approx(100 * validated, abs=0.06)
    assert mean_iou_of_card(run) == pytest.approx(mean_iou(run, leaves, [0, 1, 2]), abs=0.06)
    assert fb.from_pretrained(run / "model").preprocessing.resize == fb.Resize()


def test_a_card_is_named_after_the_run_and_its_data(train):
    run = train("--trainer.max_epochs", 1)
    card = ModelCard.load(run / "model/README.md")
    assert card.data.model_name == "rust_3"
    assert {result.dataset_name for result in card.data.eval_results} == {"coffee_leaves"}
    assert "\n# rust_3\n\nfeedbackward on test_resnet, trained on coffee_leaves." in card.content
    assert "<h1>rust_3</h1>" in (run / "report.html").read_text()


def test_a_card_says_how_the_training_started_and_its_command_repeats_it(train, leaves, tmp_path, capsys):
    start = train("--trainer.max_epochs", 1, run="start")
    config, origin = start / "model/config.json", timm_origin("convnextv2_atto")
    config.write_text(json.dumps(json.loads(config.read_text()) | {"origin": origin.to_dict()}))
    (tmp_path / "names.yaml").write_text("classes: [leaf, rust]\n")
    places = {"--data.classes": tmp_path / "names.yaml", "--model.start_from": start / "model"}
    given = [part for option in places.items() for part in option]
    run = train(*given, "--class_weights", "median_frequency", "--data_name", "leaves of 2024")
    assert origin.restriction in capsys.readouterr().out
    card = (run / "model/README.md").read_text()
    assert ModelCard(card).data.license == "cc-by-nc-4.0"
    assert f"**{origin.restriction}**" in card
    assert "Started from the trained network start." in facts(run)
    assert "The loss weights the classes: median_frequency." in facts(run)
    assert "trained on leaves of 2024." in card
    assert str(tmp_path) not in card
    assert str(leaves.parent) not in card

    command = re.search(r"`feedbackward fit (--config recipe\.yaml.*)`", card)[1]
    assert command == "--config recipe.yaml --model.start_from MODEL --data.root FOLDER --data.classes CLASSES"
    (tmp_path / "recipe.yaml").write_text(re.search(r"```yaml\n(.*?)```", card, flags=re.DOTALL)[1])
    for name, value in {"MODEL": start / "model", "FOLDER": leaves, "CLASSES": tmp_path / "names.yaml"}.items():
        command = command.replace(name, str(value))
    fit.main("fit", [*command.split(), "--run_dir", str(tmp_path / "again")])
    first, second = (yaml.safe_load((folder / "config.yaml").read_text()) for folder in (run, tmp_path / "again"))
    assert first.pop("run_dir") != second.pop("run_dir")
    assert first == second
    scores = [json.loads((folder / "metrics.json").read_text())["best"] for folder in (run, tmp_path / "again")]
    assert scores[0] == scores[1]


def test_a_file_with_the_weights_of_the_encoder_is_named_without_its_folder(train, tmp_path):
    weights = train("--trainer.max_epochs", 1, run="start").rename(tmp_path / "lite")
    options = ["--model.encoder_weights", weights / "model", "--model.freeze_encoder", "true"]
    run = train("--trainer.max_epochs", 1, *options)
    card = (run / "model/README.md").read_text()
    assert "The encoder started from the weights of lite." in facts(run)
    assert "--model.encoder_weights WEIGHTS" in card
    assert "encoder_weights:" not in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("interval", ["0.7", "2"])
def test_weights_that_are_saved_are_those_that_were_scored(train, interval, tmp_path):
    options = ["--data.batch_size", 1, "--data.size", "[64,64]", "--trainer.val_check_interval", interval]
    message = rf"val_check_interval is {interval} and an epoch has 5 batches: the weights at its end, which are saved"
    with pytest.raises(InputError, match=message):
        train(*options)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]  # nothing was written


@pytest.mark.parametrize(("interval", "batches"), [("0.5", "2"), ("2", "4"), ("1", "1.0")])
def test_an_interval_that_divides_the_epoch_is_trained(train, interval, batches):
    options = ["--data.batch_size", 1, "--data.size", "[64,64]", "--trainer.limit_train_batches", batches]
    run = train(*options, "--trainer.val_check_interval", interval, "--trainer.max_epochs", 1)
    assert "on the same 3 images" in facts(run)[0]


def test_a_training_of_an_older_version_is_refused_before_it_goes_on(train, capsys):
    """Its checkpoints have no record of the parts of the training, and none of the images of an epoch."""
    run = train("--trainer.max_epochs", 1)
    last = run / "checkpoints/last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    del checkpoint["callbacks"]["RunResults"]
    for record in checkpoint["callbacks"]["History"]["epochs"]:
        del record["images"], record["scored"]
    torch.save(checkpoint, last)
    before = last.read_bytes()
    capsys.readouterr()
    for epochs in (1, 2):  # also where only the report is missing
        (run / "report.html").unlink(missing_ok=True)
        with pytest.raises(InputError, match=r"last\.ckpt cannot be resumed: it lacks the records of its epochs"):
            train("--ckpt_path", "last", "--trainer.max_epochs", epochs)
    assert last.read_bytes() == before
    assert "epoch   " not in capsys.readouterr().out


def test_options_inside_lists_keep_their_place_in_the_recipe(train, tmp_path):
    saved = tmp_path / "elsewhere"
    (tmp_path / "more.yaml").write_text(
        "trainer:\n  callbacks:\n  - class_path: lightning.pytorch.callbacks.ModelCheckpoint\n"
        f"    init_args: {{dirpath: {saved}, save_last: true, save_top_k: 0}}\n"
    )
    run = train("--config", "more.yaml", "--trainer.max_epochs", 1)
    card = (run / "model/README.md").read_text()
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", card, flags=re.DOTALL)[1])
    assert recipe["trainer"]["callbacks"][0]["init_args"]["dirpath"] == "PATH"
    assert recipe["trainer"]["callbacks"][0]["init_args"]["save_last"] is True
    assert "(with paths of your own for trainer.callbacks[0].init_args.dirpath)" in card
    assert "`feedbackward fit --config recipe.yaml --data.root FOLDER`" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize("name", ["model.safetensors", "best.ckpt", "checkpoints/last.ckpt", "model"])
def test_a_folder_that_is_no_run_gives_no_name(name, tmp_path):
    home = tmp_path / "alice"
    home.mkdir()
    (home / "config.yaml").touch()  # any program's
    assert shown_place(str(home / name)) == Path(name).name
    (home / "versions.json").touch()
    assert shown_place(str(home / name)) == "alice"
    assert shown_place(f"/{name}") == Path(name).name
