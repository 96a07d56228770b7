"""A loss, a gradient or weights that are not finite end a training, or the batch is left out."""

import json

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn

from feedbackward.cli import fit
from feedbackward.cli.main import main
from feedbackward.errors import FailureError, InputError
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.training.history import History
from feedbackward.training.not_finite import NotFiniteError, all_finite
from feedbackward.training.task import SegmentationTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
]


class BadLoss(nn.Module):
    """A loss that is damaged in one call: by nan, by infinity, or with a gradient of nan."""

    def __init__(self, how, *, call):
        super().__init__()
        self.loss, self.how, self.call, self.calls = CrossEntropyIoULoss(), how, call, 0

    def forward(self, logits, mask):
        loss = self.loss(logits, mask)
        if not torch.is_grad_enabled():
            return loss
        self.calls += 1
        if self.calls != self.call:
            return loss
        if self.how == "gradient":
            return loss + (logits * 0).abs().sum().sqrt()  # 0, with the derivative of sqrt at 0 times 0
        return loss * float(self.how)


class Weights(pl.Callback):
    """The weights and buffers after each batch."""

    def __init__(self):
        self.states = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.states.append({name: value.clone() for name, value in pl_module.network.state_dict().items()})


WHAT = {"nan": "the training loss is nan", "inf": "the training loss is inf", "gradient": "the gradient is not finite"}


@pytest.mark.parametrize("how", WHAT)
def test_the_training_ends_at_the_first_batch_that_is_not_finite(make_task, make_trainer, stripes, how):
    task, weights = make_task(loss=BadLoss(how, call=4)), Weights()
    with pytest.raises(
        NotFiniteError, match=rf"^{WHAT[how]} in epoch 2, batch 2 \(scene_\d, .*skip_nonfinite"
    ) as caught:
        make_trainer(callbacks=[weights]).fit(task, stripes)
    assert len(weights.states) == 3
    for name, parameter in task.network.named_parameters():  # no step was made
        assert torch.equal(parameter, weights.states[-1][name])
    assert sorted(caught.value.batch) == ["image", "mask", "name"]
    assert all(name in str(caught.value) for name in caught.value.batch["name"])


@pytest.mark.parametrize("how", WHAT)
def test_a_batch_that_is_left_out_changes_nothing(make_task, make_trainer, stripes, how, caplog):
    weights, history = Weights(), History()
    task = make_task(loss=BadLoss(how, call=2), skip_nonfinite=1)
    make_trainer(callbacks=[weights, history]).fit(task, stripes)
    for name, value in weights.states[0].items():
        assert torch.equal(value, weights.states[1][name]), name
        assert torch.isfinite(weights.states[3][name]).all()
    assert not torch.equal(weights.states[1]["head.pointwise.bias"], weights.states[2]["head.pointwise.bias"])
    assert [record["skipped"] for record in history.epochs] == [1, 0]
    assert all(np.isfinite(record["train/loss"]) for record in history.epochs)
    (line,) = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
    assert line.startswith(WHAT[how])
    assert line.endswith("; the batch was left out, 1 of at most 1")


@pytest.mark.parametrize("how", ["nan", "inf"])
def test_a_scaler_omits_the_step_of_a_batch_that_is_left_out(make_task, make_trainer, stripes, how):
    weights, scaler = Weights(), torch.amp.GradScaler("cpu", init_scale=8.0)
    task = make_task(loss=BadLoss(how, call=2), skip_nonfinite=1)
    precision = MixedPrecision("16-mixed", "cpu", scaler)
    make_trainer(callbacks=[weights], plugins=precision).fit(task, stripes)
    for name, value in weights.states[0].items():
        assert torch.equal(value, weights.states[1][name]), name
    assert not torch.equal(weights.states[1]["head.pointwise.bias"], weights.states[2]["head.pointwise.bias"])
    assert scaler.get_scale() == 4


def test_more_batches_than_may_be_left_out_end_the_training(make_task, make_trainer, stripes):
    class Always(nn.Module):
        def forward(self, logits, mask):
            return logits.sum() * (torch.nan if torch.is_grad_enabled() else 0)

    with pytest.raises(NotFiniteError, match=r"in epoch 2, batch 1 .*--model\.skip_nonfinite 12"):
        make_trainer(num_sanity_val_steps=0).fit(make_task(loss=Always(), skip_nonfinite=2), stripes)


def test_a_negative_number_of_batches_is_refused(make_task):
    with pytest.raises(InputError, match="skip_nonfinite is -1; expected 0 or more"):
        make_task(skip_nonfinite=-1)


def test_a_validation_without_scores_ends_the_training(make_task, make_trainer, stripes):
    task = make_task()
    task.network.head.pointwise.bias.data.fill_(torch.nan)
    with pytest.raises(
        FailureError, match=r"the network's logits are not finite for scene_0, scene_1, so there are no"
    ):
        make_trainer().fit(task, stripes)
    with pytest.raises(InputError, match=r"logits are not finite for scene_0, .*give another network, checkpoint"):
        make_trainer().validate(task, stripes, verbose=False)


@pytest.mark.parametrize(
    ("values", "finite"), [([1.0, 2.0], True), ([3e38, 3e38], True), ([1.0, torch.nan], False), ([-torch.inf], False)]
)
def test_all_finite(values, finite):
    assert all_finite([torch.tensor([7]), torch.zeros(0), torch.tensor(values)]) == finite


@pytest.mark.filterwarnings("ignore")  # Lightning's, which run() quietens
def test_the_command_saves_the_batch_and_keeps_the_checkpoints(scenes, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SegmentationTask, "training_step", damaged(SegmentationTask.training_step, call=4))
    saved = tmp_path / "run/failed_batch.npz"
    at_barriers = []
    monkeypatch.setattr(SingleDeviceStrategy, "barrier", lambda *_, **__: at_barriers.append(saved.exists()))
    with pytest.raises(SystemExit) as caught:
        main(["fit", *scenes, "--run_dir", str(tmp_path / "run")])
    assert caught.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert at_barriers[-1]  # so that of several processes none ends before all have saved theirs
    assert f"; the batch is in {saved}; the last checkpoint is {tmp_path}/run/checkpoints/last.ckpt, go on from" in line
    with np.load(saved) as batch:
        assert batch["image"].shape == (2, 3, 16, 24)
        assert batch["mask"].shape == (2, 16, 24)
        assert all(name in line for name in batch["name"])
    for name in ("best", "last"):
        checkpoint = read_checkpoint(tmp_path / f"run/checkpoints/{name}.ckpt")
        assert len(checkpoint["callbacks"]["History"]["epochs"]) == 1
        assert all_finite(checkpoint["state_dict"].values())


@pytest.mark.filterwarnings("ignore")
def test_the_command_counts_batches_that_were_left_out(scenes, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SegmentationTask, "training_step", damaged(SegmentationTask.training_step, call=1))
    fit.main("fit", [*scenes, "--run_dir", str(tmp_path / "run"), "--model.skip_nonfinite", "5"])
    assert json.loads((tmp_path / "run/metrics.json").read_text())["skipped_batches"] == 1
    assert "1 batches left out" in capsys.readouterr().out
    for page in ("report.html", "model/README.md"):
        text = "Left out: 1 batch whose loss or gradient was not finite."
        assert text in (tmp_path / "run" / page).read_text()


def damaged(step, *, call):
    """The training step with an image of nan at a call."""
    calls = []

    def damage(task, batch, number):
        calls.append(None)
        if len(calls) == call:
            batch["image"][:] = torch.nan
        return step(task, batch, number)

    return damage


@pytest.mark.filterwarnings("ignore")
def test_weights_that_are_not_finite_are_not_saved(scenes, tmp_path, monkeypatch):
    def overflow(task):
        if task.trainer.global_step == 4:  # the last step
            task.network.head.pointwise.bias.data.fill_(torch.inf)

    monkeypatch.setattr(SegmentationTask, "on_validation_end", overflow)
    with pytest.raises(FailureError, match="the weights are not finite in epoch 2 and were not saved; lower the learn"):
        fit.main("fit", [*scenes, "--run_dir", str(tmp_path / "run")])
    last = read_checkpoint(tmp_path / "run/checkpoints/last.ckpt")
    assert len(last["callbacks"]["History"]["epochs"]) == 1
