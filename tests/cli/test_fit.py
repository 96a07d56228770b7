"""Trains, scores and resumes through the command line, on a few tiny scenes in CamVid's layout."""

import csv
import json
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from PIL import Image

from feedbackward.cli import fit
from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.fit_options import check_options
from feedbackward.cli.main import main
from feedbackward.data.camvid import CAMVID
from feedbackward.errors import InputError
from feedbackward.models import from_pretrained, load_adapter
from feedbackward.models.adapter import read_adapter
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.training.console import EpochLines
from feedbackward.training.recipes import list_recipes
from feedbackward.training.sync_norms import SyncNorms

RECIPE = """
model:
  name: test_resnet
  decoder: {output_stride: 2}
  encoder_weights: null
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
  scheduler: feedbackward.training.schedules.PolynomialDecay
data:
  class_path: feedbackward.data.camvid.CamVidData
  init_args: {batch_size: 2, num_workers: 0}
trainer: {max_epochs: 2, accelerator: cpu}
"""


def write_camvid(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 3), ("test", 2)):
        for number in range(count):
            mask = np.repeat(rng.integers(0, 3, (1, 4), dtype=np.uint8), 6, axis=1).repeat(16, axis=0)
            image = np.eye(3, dtype=np.uint8)[mask] * 200 + rng.integers(0, 50, (16, 24, 3), dtype=np.uint8)
            mask[0] = 11
            for folder, array in ((split, image), (f"{split}annot", mask)):
                (root / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(root / folder / f"{split}_{number}.png")
    return root


@pytest.fixture(scope="module")
def camvid(tmp_path_factory):
    return write_camvid(tmp_path_factory.mktemp("data") / "camvid")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, camvid, recipe):
    """A finished run of two epochs; not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "trained"
    fit.main("fit", ["--config", str(recipe), "--data.root", str(camvid), "--run_dir", str(run)])
    return run


@pytest.fixture
def run(tmp_path, trained):
    """A copy of that run in another place."""
    return shutil.copytree(trained, tmp_path / "moved")


@pytest.fixture
def command(camvid, recipe, tmp_path, monkeypatch):
    """Run a command with the tiny recipe in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def _command(name, *more):
        fit.main(name, ["--config", str(recipe), "--data.root", str(camvid), *map(str, more)])

    return _command


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_folder_contains_everything(trained, camvid):
    names = [name for name in files(trained) if not name.startswith("csv/")]
    assert names == [
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "config.yaml",
        "first_batch.jpg",
        "metrics.json",
        "model/README.md",
        "model/config.json",
        "model/model.safetensors",
        "report.html",
        "versions.json",
    ]
    assert (trained / "csv/version_0/metrics.csv").is_file()

    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["data"]["init_args"]["root"] == str(camvid)
    assert config["trainer"]["max_epochs"] == 2
    assert config["seed_everything"] == 0
    assert config["run_dir"] == str(trained)
    assert config["model"]["decoder"]["retrace"] == "all"  # what was chosen

    versions = json.loads((trained / "versions.json").read_text())
    assert versions["torch"] == torch.__version__


@pytest.mark.parametrize(("given", "precision"), [([], "bf16-mixed"), (["--trainer.precision", "32-true"], "32-true")])
def test_a_faster_precision_is_chosen_said_and_written_down(command, given, precision, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("feedbackward.cli.fit_cli.is_faster_in_bfloat16", lambda network: True)
    command("fit", "--run_dir", "run", "--trainer.max_epochs", 1, *given)
    said = "training in bfloat16, which is faster on this processor; for float32 give --trainer.precision 32-true"
    printed = capsys.readouterr().out
    assert (said in printed) == (not given)
    assert f"on cpu, precision {precision}" in printed
    config = tmp_path / "run/config.yaml"
    assert yaml.safe_load(config.read_text())["trainer"]["precision"] == precision
    fit.main("fit", ["--config", str(config), "--ckpt_path", "last", "--trainer.max_epochs", "2"])
    assert f"on cpu, precision {precision}" in capsys.readouterr().out


def test_a_training_that_is_resumed_keeps_its_precision(run, monkeypatch, capsys):
    monkeypatch.setattr("feedbackward.cli.fit_cli.is_faster_in_bfloat16", lambda network: True)
    config = ["--config", str(run / "config.yaml"), "--run_dir", str(run)]
    fit.main("fit", [*config, "--ckpt_path", "last", "--trainer.max_epochs", "3"])
    assert "on cpu, precision 32-true" in capsys.readouterr().out


def test_metrics_json(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    network = from_pretrained(trained / "model")
    assert metrics["run"] == "trained"
    assert metrics["data"] == "CamVid"
    assert metrics["epochs"] == 2
    assert metrics["seed"] == 0
    assert metrics["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert metrics["training_seconds"] > 0
    assert [record["epoch"] for record in metrics["curves"]] == [1, 2]
    logged = {"train/loss", "val/loss", "val/mean_iou", "val/mean_dice", "val/pixel_accuracy", "val/mean_accuracy"}
    assert all(logged < set(record) for record in metrics["curves"])
    scores = [record["val/mean_iou"] for record in metrics["curves"]]
    assert metrics["best"]["epoch"] == 1 + scores.index(max(scores))
    assert metrics["last"]["epoch"] == 2
    assert metrics["best"]["scalars"]["mean_iou"] == pytest.approx(max(scores))
    assert list(metrics["best"]["per_class"]["iou"]) == list(CAMVID.names)
    assert np.sum(metrics["best"]["confusion"]) == 3 * 15 * 24  # three scenes less their void rows
    assert metrics["best"]["per_class"]["iou"]["bicyclist"] is None  # JSON has no nan


def test_the_saved_network_is_the_best(trained):
    network = from_pretrained(trained / "model")
    best = read_checkpoint(trained / "checkpoints/best.ckpt")["state_dict"]
    torch.testing.assert_close(
        dict(network.state_dict()), {name.removeprefix("network."): value for name, value in best.items()}
    )
    assert network.class_table == CAMVID


def test_the_card_of_the_saved_network(trained, camvid):
    card = ModelCard.load(trained / "model/README.md")
    best = json.loads((trained / "metrics.json").read_text())["best"]
    result = card.data.eval_results[0]
    assert (result.dataset_name, result.dataset_split, result.metric_type) == ("CamVid", "val", "mean IoU")
    assert result.metric_value == pytest.approx(100 * best["scalars"]["mean_iou"], abs=0.05)
    assert f"Epoch {best['epoch']} of 2, the best of the 2 that were scored, on the same 3 images, seed 0" in card.text
    assert "| sky | " in card.text
    assert "| bicyclist | - | - |" in card.text
    assert str(camvid) not in card.text  # paths of this machine are of no use elsewhere

    (size,) = re.findall(r"parameters,\n(.*) MB", card.text)
    assert float(size) == pytest.approx((trained / "model/model.safetensors").stat().st_size / 1e6, abs=0.06)


def test_the_recipe_of_the_card_repeats_the_training(tmp_path, camvid):
    asked = ["--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "2", "--trainer.precision", "bf16-mixed"]
    asked += ["--data.size", "[8,12]", "--early_stopping.patience", "7", "--seed_everything", "5"]
    asked += ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.9"]
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    runs = {name: tmp_path / name for name in ("asked", "again")}
    where = ["--config", str(tmp_path / "recipe.yaml"), "--data.root", str(camvid)]
    fit.main("fit", [*where, *asked, "--run_dir", str(runs["asked"])])
    card = (runs["asked"] / "model/README.md").read_text()
    assert "the best of the 1 that were scored" in card
    assert "| size | resized to 8x12 (height x width) |" in card

    (tmp_path / "recipe.yaml").write_text(re.search(r"```yaml\n(.*?)```", card, flags=re.DOTALL)[1])
    assert "`feedbackward fit --config recipe.yaml --data.root FOLDER`" in card
    fit.main("fit", [*where, "--run_dir", str(runs["again"])])
    first, second = (yaml.safe_load((run / "config.yaml").read_text()) for run in runs.values())
    assert first.pop("run_dir") != second.pop("run_dir")
    assert first == second


@pytest.mark.parametrize("name", ["best", "last"])
def test_checkpoints_of_a_run_are_plain_data(trained, name):
    checkpoint = torch.load(trained / f"checkpoints/{name}.ckpt", weights_only=True)
    assert checkpoint["feedbackward"]["network"]["class_table"]["names"] == list(CAMVID.names)


def test_the_default_run_folder_is_named_after_the_recipe(command, tmp_path):
    command("fit", "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 1)
    assert (tmp_path / "runs/tiny/report.html").is_file()


def test_resume_continues_where_the_run_stopped(command, run, capsys):
    before = read_checkpoint(run / "checkpoints/last.ckpt")
    command("fit", "--run_dir", run, "--ckpt_path", "last", "--trainer.max_epochs", 3)
    after = read_checkpoint(run / "checkpoints/last.ckpt")

    assert before["global_step"] == 4
    assert after["global_step"] == 6
    steps = [
        {int(state["step"]) for state in checkpoint["optimizer_states"][0]["state"].values()}
        for checkpoint in (before, after)
    ]
    assert steps == [{4}, {6}]  # Adam's step count: its state was restored too

    new = json.loads((run / "metrics.json").read_text())
    printed = capsys.readouterr().out
    assert "epoch   3" in printed
    assert "epoch   1 " not in printed
    assert new["epochs"] == 3
    assert [record["epoch"] for record in new["curves"]] == [1, 2, 3]


@pytest.mark.filterwarnings("ignore")  # run() quietens the parser
def test_synchronized_norms_keep_their_activations(camvid, recipe, tmp_path):
    args = ["--config", str(recipe), "--data.root", str(camvid), "--run_dir", str(tmp_path / "run")]
    trainer = FitCLI("fit", [*args, "--trainer.sync_batchnorm", "true", "--trainer.strategy", "ddp"]).trainer
    assert isinstance(trainer.strategy._layer_sync, SyncNorms)


def test_a_batch_of_one_that_is_too_small_for_the_norms_is_refused_before_anything_is_written(command, tmp_path):
    crop = ["--data.augmentation.crop", "[8,8]", "--data.batch_size", 1]
    with pytest.raises(InputError, match=r"a training batch of 1 image of 8x8: .* train on batches of 2 or more"):
        command("fit", *crop)
    assert not (tmp_path / "runs").exists()


def test_a_batch_of_one_that_is_large_enough_trains(command, tmp_path):
    crop = ["--data.augmentation.crop", "[40,40]", "--data.batch_size", 1]
    command("fit", *crop, "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 1)
    assert (tmp_path / "runs/tiny/report.html").is_file()


def test_a_moved_run_keeps_its_best_score(command, run):
    def forge(checkpoint):
        for history in (state for name, state in checkpoint["callbacks"].items() if name == "History"):
            history["best"]["scalars"]["mean_iou"] = 2.0  # higher than any score

    path = run / "checkpoints/last.ckpt"
    checkpoint = read_checkpoint(path)
    forge(checkpoint)
    torch.save(checkpoint, path)
    best = (run / "checkpoints/best.ckpt").read_bytes()
    command("fit", "--run_dir", run, "--ckpt_path", "last", "--trainer.max_epochs", 3)
    assert (run / "checkpoints/best.ckpt").read_bytes() == best


def test_validate_prints_the_scores_of_the_fit_and_writes_nothing(command, run, tmp_path, capsys):
    before = files(tmp_path)
    command("validate", "--run_dir", run)
    printed = capsys.readouterr().out
    best = json.loads((run / "metrics.json").read_text())["best"]
    for value in [*best["scalars"].values(), *best["per_class"]["iou"].values()]:
        assert (f"{100 * value:.1f}" if value is not None else "-") in printed
    assert all(name in printed for name in CAMVID.names)
    assert files(tmp_path) == before


def test_a_frozen_encoder_is_trained_into_an_adapter(command, tmp_path, capsys):
    """On a network whose encoder was trained before; it lies in the run folder, with the scores of the best epoch."""
    command("fit", "--run_dir", "first")
    backbone = tmp_path / "first" / "model"
    command("fit", "--run_dir", "second", "--model.encoder_weights", backbone, "--model.freeze_encoder", "true")
    assert "adapter: second/adapter.safetensors (" in capsys.readouterr().out
    whole = from_pretrained(tmp_path / "second" / "model")
    adapted = load_adapter("second/adapter.safetensors", backbone=backbone)
    image = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(adapted(image), whole(image), atol=0.02, rtol=0.02)
    best = json.loads((tmp_path / "second" / "metrics.json").read_text())["best"]
    scores = read_adapter("second/adapter.safetensors").scores
    assert float(scores["mean IoU"]) == pytest.approx(100 * best["scalars"]["mean_iou"], abs=0.06)
    assert not (tmp_path / "first" / "adapter.safetensors").exists()
    card = (tmp_path / "second" / "adapter.md").read_text()
    assert "# second\n\nAn adapter: feedbackward on test_resnet, trained on CamVid." in card
    assert f"| {' | '.join(scores.values())} |" in card
    assert "The encoder started from random weights." in card
    assert "`feedbackward fit --config recipe.yaml" in card


def test_validate_with_the_crf(command, run, capsys):
    command("validate", "--run_dir", str(run))
    plain = capsys.readouterr().out
    command("validate", "--run_dir", str(run), "--model.crf", "DenseCRF", "--model.crf.appearance_weight", "60")
    assert capsys.readouterr().out != plain


@pytest.mark.parametrize(
    ("form", "average"),
    [
        ("checkpoint", ["--flip"]),
        ("checkpoint", ["--scales", "1", "1.5"]),
        ("checkpoint", ["--flip", "--scales", "1", "1.5"]),
        ("file", ["--flip", "--scales", "1", "1.5"]),
    ],
)
def test_validate_averages_as_predict_and_evaluate_do(command, camvid, run, tmp_path, form, average, exporting):
    trained, scored = str(run / "model"), ["--run_dir", str(run)]
    if form == "file":
        main(["export", "--model", trained, "--format", "torch_export", "--output", "network.pt2"])
        trained, scored = "network.pt2", ["--model", "network.pt2"]
    command("validate", *scored, "--json", "plain.json")
    command("validate", *scored, *average, "--json", "validated.json")
    main(["predict", trained, str(camvid / "val"), *average, "--output", "out", "--save", "masks"])
    evaluate = ["evaluate", "--dataset", "camvid", "--ground-truth", str(camvid / "valannot")]
    main([*evaluate, "--predictions", "out/masks", "--json", "predicted.json"])
    main([*evaluate, "--model", trained, "--source", str(camvid / "val"), *average, "--json", "evaluated.json"])
    names = ("plain", "validated", "predicted", "evaluated")
    plain, validated, predicted, evaluated = (json.loads((tmp_path / f"{name}.json").read_text()) for name in names)
    assert validated["confusion"] == predicted["confusion"] == evaluated["confusion"] != plain["confusion"]


def test_a_file_of_classes_is_not_scored_at_another_size(command, run, exporting):
    main(["export", "--model", str(run / "model"), "--format", "torch_export", "--output", "classes.pt2", "--argmax"])
    with pytest.raises(InputError, match="outputs classes, but an average over flips and scales needs logits"):
        command("validate", "--model", "classes.pt2", "--flip")
    with pytest.raises(InputError, match="outputs classes, but resizing needs logits"):
        command("validate", "--model", "classes.pt2", "--data.scale", 4)


def test_validate_writes_its_scores_as_json(command, run, tmp_path):
    command("validate", "--run_dir", run, "--json", tmp_path / "new" / "scores.json")
    scores = json.loads((tmp_path / "new" / "scores.json").read_text())
    best = json.loads((run / "metrics.json").read_text())["best"]
    del best["epoch"]
    assert scores == best
    with pytest.raises(InputError, match=f"--json {tmp_path}: this is a folder; give the name of a file"):
        command("validate", "--run_dir", run, "--json", tmp_path)


@pytest.mark.parametrize(
    ("stage", "option", "value", "said"),
    [
        ("validate", "limit_val_batches", "2", "2 of the 3 images only, because of trainer.limit_val_batches"),
        ("validate", "limit_val_batches", "0.7", "2 of the 3 images only, because of trainer.limit_val_batches"),
        ("validate", "fast_dev_run", "true", "1 of the 3 images only, because of trainer.fast_dev_run"),
        ("test", "limit_test_batches", "0.5", "1 of the 2 images only, because of trainer.limit_test_batches"),
        ("validate", "limit_val_batches", "3", None),
        ("validate", "limit_test_batches", "0", None),
    ],
)
def test_scores_of_a_part_say_so(command, run, tmp_path, capsys, stage, option, value, said):
    command(stage, "--run_dir", run, "--json", "scores.json", f"--trainer.{option}", value)
    notes = json.loads((tmp_path / "scores.json").read_text())["notes"]
    printed = " ".join(capsys.readouterr().out.split())
    assert (f"These are the scores of {said}" in notes) == (said is not None)
    assert f"the scores of {said}" in printed if said else "images only" not in printed


@pytest.mark.parametrize("batches", ["0", "0.0"])
@pytest.mark.parametrize(("stage", "split"), [("validate", "val"), ("test", "test")])
def test_scores_of_nothing_are_refused(command, run, stage, split, batches):
    message = rf"^trainer\.limit_{split}_batches is 0: nothing is scored; expected more than 0, or leave it out for all"
    refused(command, stage, "--run_dir", run, f"--trainer.limit_{split}_batches", batches, message=message)


def test_scores_of_less_than_a_batch_are_refused(command, run):
    message = r"^--trainer: .*limit_val_batches.*; correct that option$"
    refused(command, "validate", "--run_dir", run, "--trainer.limit_val_batches", "0.1", message=message)


def test_test_takes_a_checkpoint_anywhere(command, trained, tmp_path, capsys):
    command("test", "--ckpt_path", trained / "checkpoints/last.ckpt")
    assert "mean IoU" in capsys.readouterr().out
    assert files(tmp_path) == []


def test_encoder_weights_are_not_loaded_if_a_checkpoint_contains_them(command, run, capsys):
    command("validate", "--run_dir", run, "--model.encoder_weights", "gone.safetensors")
    assert "mean IoU" in capsys.readouterr().out


def test_trackers_by_name(command, tmp_path):
    options = ["--run_dir", tmp_path / "run", "--tracker", "csv,tensorboard"]
    command("fit", *options)
    command("fit", *options, "--ckpt_path", "last", "--trainer.max_epochs", 3)
    curves = json.loads((tmp_path / "run/metrics.json").read_text())["curves"]
    for version, epochs in enumerate((curves[:2], curves[2:])):
        with (tmp_path / f"run/csv/version_{version}/metrics.csv").open() as file:
            logged = [float(row["val/mean_iou"]) for row in csv.DictReader(file) if row["val/mean_iou"]]
        assert logged == pytest.approx([record["val/mean_iou"] for record in epochs])
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert yaml.safe_load((tmp_path / "run/csv/version_1/hparams.yaml").read_text()) == config
    assert (tmp_path / "run/csv/version_0/val/val_0/epoch_1.jpg").is_file()
    assert any(name.startswith("run/tensorboard/events") for name in files(tmp_path))


def test_trackers_that_cannot_be_used_write_nothing(command, tmp_path):
    refused(command, "fit", "--tracker", "csw", message="unknown tracker 'csw'; did you mean csv")
    both = ["--tracker", "csv", "--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", "logs"]
    refused(command, "fit", *both, message=r"--tracker csv and trainer\.logger are both given; give one of them")
    assert files(tmp_path) == []


def test_early_stop_when_the_score_degrades(command, tmp_path):
    options = ["--trainer.max_epochs", 8, "--early_stopping.patience", 1, "--early_stopping.min_delta", 1.0]
    command("fit", "--run_dir", tmp_path / "run", *options)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["epochs"] == 2  # no epoch can be better by 1.0 than the first


def test_early_stopping_continues_after_resume(command, tmp_path):
    options = ["--run_dir", tmp_path / "run", "--early_stopping.patience", 2, "--early_stopping.min_delta", 1.0]
    command("fit", *options)  # the second epoch is the first without a better score
    command("fit", *options, "--ckpt_path", "last", "--trainer.max_epochs", 8)
    assert json.loads((tmp_path / "run/metrics.json").read_text())["epochs"] == 3


def test_validation_every_other_epoch(command, tmp_path):
    options = ["--trainer.check_val_every_n_epoch", 2, "--trainer.max_epochs", 8]
    stopping = ["--early_stopping.patience", 1, "--early_stopping.min_delta", 1.0]
    command("fit", "--run_dir", tmp_path / "run", *options, *stopping)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["epochs"] == 4  # stopped by the second validation
    assert ["val/mean_iou" in record for record in metrics["curves"]] == [False, True, False, True]


def test_a_run_without_its_report_is_completed(command, run, capsys):
    curves = json.loads((run / "metrics.json").read_text())["curves"]
    shutil.rmtree(run / "model")
    (run / "report.html").unlink()
    command("fit", "--run_dir", run, "--ckpt_path", "last")
    assert (run / "report.html").is_file()
    assert from_pretrained(run / "model").class_table == CAMVID
    assert json.loads((run / "metrics.json").read_text())["curves"] == curves
    assert "epoch   " not in capsys.readouterr().out


def test_an_interrupted_training_prints_how_to_resume(camvid, recipe, tmp_path, monkeypatch, capsys):
    def interrupt(callback, trainer, pl_module):
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    run, before = tmp_path / "r3[x]", signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(EpochLines, "on_train_epoch_start", interrupt, raising=False)
        with pytest.raises(SystemExit) as caught:
            main(["fit", "--config", str(recipe), "--data.root", str(camvid), "--run_dir", str(run)])
    signal.signal(signal.SIGINT, before)  # the trainer ignores it while it shuts down
    assert caught.value.code == 130
    arguments = f"fit --config {run}/config.yaml --ckpt_path last"
    assert capsys.readouterr().out.endswith(f"interrupted; resume with: feedbackward {arguments}\n")

    main(arguments.split())
    printed = capsys.readouterr().out
    assert "epoch   2" in printed
    assert f"report: {run}/report.html" in printed


def test_the_same_seed_gives_the_same_training(command, trained, tmp_path):
    command("fit", "--run_dir", tmp_path / "again")
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (trained, tmp_path / "again"))
    assert first["best"] == second["best"]


def test_a_quick_trial_leaves_nothing(command, tmp_path):
    command("fit", "--trainer.fast_dev_run", "true")
    assert files(tmp_path) == []


def test_overrides_reach_the_data(command, tmp_path):
    options = ["--data.size", "[8, 12]", "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 1]
    command("fit", "--run_dir", tmp_path / "run", *options)
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["data"]["init_args"]["size"] == [8, 12]


def test_the_config_of_a_run_can_be_used_again(run, tmp_path, capsys):
    fit.main("validate", ["--config", str(run / "config.yaml"), "--run_dir", str(run)])
    assert "mean IoU" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_help_is_short(command, capsys):
    main([command, "--help"])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) <= 60
    assert max(map(len, printed.splitlines())) <= 100
    for option in ("--config RECIPE", "--data.root DIR", "--run_dir DIR", "--ckpt_path FILE", *list_recipes()):
        assert option in printed
    names = {f"--{word}" for word in re.findall(r"--([\w.-]+)", printed)}
    names -= {"--OPTION", "--model.decoder.OPTION", "--model.optimizer.lr"}
    check_options(command, sorted(names))


def test_the_help_of_the_parser(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fit", "--help-all"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert all(option in printed for option in ("--config", "--trainer.max_epochs", "--early_stopping.patience"))


def test_the_program_takes_its_arguments_from_the_command_line(monkeypatch, recipe, camvid, capsys):
    """Lightning warns when arguments come from two sides; the tests turn warnings into errors."""
    args = ["fit", "--config", str(recipe), "--data.root", str(camvid), "--trainer.fast_dev_run", "true"]
    monkeypatch.setattr(sys, "argv", ["feedbackward", *args])
    main()
    assert "epoch   1" in capsys.readouterr().out


def refused(command, *args, message):
    with pytest.raises(InputError, match=message):
        command(*args)


def test_an_unknown_recipe(tmp_path):
    with pytest.raises(InputError, match=r"no recipe or file 'camvid_mobilnet'; did you mean camvid_mob"):
        fit.main("fit", ["--config", "camvid_mobilnet"])
    with pytest.raises(InputError, match="no recipe or file"):
        fit.main("fit", ["--config=nothing.yaml"])


def test_no_recipe():
    with pytest.raises(InputError, match=f"name a recipe with --config: {', '.join(list_recipes())}"):
        fit.main("fit", [])


def test_no_data_root(recipe):
    with pytest.raises(InputError, match=r"^required: --data\.root; see feedbackward fit --help$"):
        fit.main("fit", ["--config", str(recipe)])


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("batch_size", "0", "^batch_size is 0; expected 1 or more$"),
        ("augmentation.scale", "[2,1]", r"^augmentation: scale is \[2\.0, 1\.0\]; expected \[smallest, largest\]"),
    ],
)
def test_invalid_values_of_data_options(command, option, value, message):
    refused(command, "fit", f"--data.{option}", value, message=message)


@pytest.mark.parametrize("null", [("--data.augmentation.crop", "null"), ("--data.augmentation.crop=null",)])
def test_null_inside_a_group(command, null):
    refused(command, "fit", *null, message=r"null is written as --data\.augmentation '\{crop: null\}', or in")
    command("fit", "--trainer.fast_dev_run", "true", "--data.augmentation", "{crop: null}")


@pytest.mark.parametrize("batches", ["0", "0.0"])
def test_a_training_without_validation(command, tmp_path, batches):
    message = "limit_val_batches is 0: without validation there is no best network"
    refused(command, "fit", "--trainer.limit_val_batches", batches, message=message)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "limit_train_batches",
            r"limit_train_batches is 0\.2 of 2 batches, less than one; expected a larger share, or a",
        ),
        ("limit_val_batches", r"limit_val_batches is 0\.2 of 3 batches, less than one"),
        ("overfit_batches", r"overfit_batches is 0\.2 of 2 batches, less than one"),
    ],
)
def test_a_share_of_less_than_a_batch(command, tmp_path, option, message):
    refused(command, "fit", f"--trainer.{option}", 0.2, message=message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("most", "message"), [(99, "has values from .* expected 0 to 99"), (4095, "cannot have the")])
def test_a_range_that_the_images_exceed(command, tmp_path, most, message):
    refused(
        command,
        "fit",
        "--data.value_range",
        f"[0,{most}]",
        message=rf"camvid/train/train_\d\.png: an image .*{message}",
    )
    assert list(tmp_path.iterdir()) == []


def test_last_weights_that_would_never_be_scored(command, tmp_path):
    message = r"never be scored; set --trainer\.max_epochs 6 or --trainer\.check_val_every_n_epoch 1"
    refused(command, "fit", "--trainer.max_epochs", 5, "--trainer.check_val_every_n_epoch", 3, message=message)
    assert files(tmp_path) == []


def test_a_training_that_ends_before_its_validation(command):
    refused(command, "fit", "--trainer.max_steps", 1, message="ended before its first validation")


def test_an_unknown_model(command):
    refused(command, "fit", "--model.name", "vgg16_pwm", message="unknown model 'vgg16_pwm'; .*vgg16_pwn")


def test_missing_data_writes_nothing(command, tmp_path):
    refused(command, "fit", "--data.root", tmp_path / "nowhere", message="no folder .*nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_overwritten(command, run):
    before = (run / "checkpoints/last.ckpt").read_bytes()
    refused(command, "fit", "--run_dir", run, message="contains a training already; continue it with")
    assert (run / "checkpoints/last.ckpt").read_bytes() == before


def test_nothing_to_resume(command):
    refused(command, "fit", "--ckpt_path", "last", message=r"no last checkpoint in the run folder: runs/tiny/")


def test_nothing_left_to_train(command, run):
    message = r"has finished 2 epochs and trainer\.max_epochs is 2"
    refused(command, "fit", "--run_dir", run, "--ckpt_path", "last", message=message)


def test_nothing_to_validate(command, tmp_path):
    refused(command, "validate", message="no best checkpoint in the run folder")
    refused(command, "validate", "--ckpt_path", tmp_path / "x.ckpt", message=r"no checkpoint at .*x\.ckpt")


def test_a_run_folder_that_cannot_be_written(command, tmp_path):
    (tmp_path / "file").write_text("in the way")
    message = r"the run folder .*file/run cannot be written .*choose another place"
    refused(command, "fit", "--run_dir", tmp_path / "file" / "run", message=message)


@pytest.fixture
def folder(camvid, tmp_path):
    """The same scenes as a folder of images and masks, with twelve classes."""
    for split in ("train", "val"):
        shutil.copytree(camvid / split, tmp_path / "folder/images" / split)
        shutil.copytree(camvid / f"{split}annot", tmp_path / "folder/masks" / split)
    names = [f"class {index}" for index in range(12)]
    (tmp_path / "folder/classes.yaml").write_text(f"classes: {names}\n")
    return tmp_path / "folder"


def test_a_recipe_takes_another_data_set(command, folder, tmp_path, capsys):
    options = ["--trainer.max_epochs", 1, "--run_dir", tmp_path / "run"]
    command("fit", "--data", "folder", "--data.root", folder, *options)
    assert "class 11" in capsys.readouterr().out
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["data"]["init_args"]["batch_size"] == 2  # still the recipe's


def test_one_class(command, tmp_path, capsys):
    for split in ("train", "val", "test"):
        for name, values in (("images", np.zeros((16, 24, 3))), ("masks", np.eye(16, 24) * 255)):
            (tmp_path / "one" / name / split).mkdir(parents=True)
            for number in range(2):
                Image.fromarray(values.astype(np.uint8)).save(tmp_path / "one" / name / split / f"{number}.png")
    (tmp_path / "one/classes.yaml").write_text("ignore: 0\nclasses: [{name: crack, value: 255}]\n")
    options = ("--data", "folder", "--data.root", tmp_path / "one", "--run_dir", tmp_path / "run")
    command("fit", *options, "--trainer.max_epochs", 1)
    assert json.loads((tmp_path / "run/metrics.json").read_text())["best"]["confusion"] == [[2 * 16]]
    for name in ("validate", "test"):
        capsys.readouterr()
        command(name, *options)
        assert "with one class every pixel that counts belongs to it" in " ".join(capsys.readouterr().out.split())


def test_a_checkpoint_of_other_classes(command, folder, run):
    message = r"trained on 11 classes \(sky, .*but the data has 12 \(class 0, "
    refused(command, "validate", "--data", "folder", "--data.root", folder, "--run_dir", run, message=message)
