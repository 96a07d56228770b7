"""A training that is cut and resumed sees what it would have seen in one go; one of two processes sees its half.

Run as a script, this file is one of two processes.
"""

import json
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.training.best_and_last import BestAndLast
from feedbackward.training.history import History
from feedbackward.training.interruption import Interruption
from feedbackward.training.run_folder import RunFolder
from feedbackward.training.schedules import PolynomialDecay
from feedbackward.training.task import SegmentationTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:`training_step` returned `None`"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]

TABLE = ClassTable(("a", "b"), ((0, 0, 0), (1, 1, 1)))
QUIET = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)


class Noise(Dataset):
    """Images of random numbers, as if augmented."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return {"image": torch.rand(3, 16, 16), "mask": torch.randint(2, (16, 16)), "name": str(index)}


class NoiseData(SegmentationDataModule):
    class_table = TABLE

    def dataset(self, split):
        return Noise()


class Record(pl.Callback):
    """What each step sees: names, images and the learning rate."""

    def __init__(self):
        self.batches, self.rates = [], []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batches.append((trainer.current_epoch, tuple(batch["name"]), batch["image"].sum().item()))
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def train(*, epochs, workers=0, seed=0, resume=None, save=None, cut=None, step=None, batch_size=2, more=(), **options):
    class Cut(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch + 1 == cut:
                trainer.save_checkpoint(save)
                trainer.should_stop = True

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.global_step == step:
                trainer.save_checkpoint(save)
                raise KeyboardInterrupt

    pl.seed_everything(seed, workers=True, verbose=False)
    task = SegmentationTask(
        name="test_resnet",
        class_table=TABLE,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1e-3),
        scheduler=PolynomialDecay,
    )
    record = Record()
    quiet = {**QUIET, "enable_checkpointing": bool(more)}
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=epochs, callbacks=[record, Cut(), *more], limit_val_batches=0, **quiet, **options
    )
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) if step else nullcontext():
        trainer.fit(task, NoiseData(batch_size=batch_size, num_workers=workers), ckpt_path=resume, weights_only=True)
    signal.signal(signal.SIGINT, before)  # the trainer ignores it while it shuts down
    return record, task


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_training_sees_what_the_straight_one_sees(workers, tmp_path):
    straight, _ = train(epochs=3)
    first, _ = train(epochs=3, cut=2, save=tmp_path / "cut.ckpt", workers=workers)
    second, _ = train(epochs=3, resume=tmp_path / "cut.ckpt", seed=5, workers=workers)
    assert first.batches + second.batches == straight.batches
    assert first.rates + second.rates == straight.rates
    assert len({sum_ for _, _, sum_ in straight.batches}) == 12


@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_that_is_resumed_within_an_epoch_goes_on_after_its_last_batch(workers, tmp_path):
    straight, task = train(epochs=2)
    first, _ = train(epochs=2, step=6, save=tmp_path / "cut.ckpt", workers=workers)
    second, resumed = train(epochs=2, resume=tmp_path / "cut.ckpt", seed=5, workers=workers)
    assert [len(record.batches) for record in (first, second)] == [6, 2]
    assert first.batches + second.batches == straight.batches
    assert first.rates + second.rates == straight.rates
    for name, value in task.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert torch.equal(resumed.train_loss.total, task.train_loss.total)


@pytest.mark.parametrize(("batch_size", "rest"), [(4, 1), (3, 1), (2, 2)])
def test_with_another_size_of_batches_the_rest_of_the_epoch_is_seen(batch_size, rest, tmp_path):
    """As with another number of processes: the batches of the epoch are counted anew, and some may be repeated."""
    whole, _ = train(epochs=1)
    train(epochs=1, step=2, save=tmp_path / "cut.ckpt")
    history = History()
    saving = BestAndLast(RunFolder(tmp_path), history, Interruption(), minutes=10)
    resumed, _ = train(epochs=1, resume=tmp_path / "cut.ckpt", batch_size=batch_size, more=[saving])
    names = [name for _, batch, _ in whole.batches for name in batch]
    done = 4 // batch_size * batch_size
    seen = [name for _, batch, _ in resumed.batches for name in batch]
    assert seen == names[done : done + rest * batch_size]


def test_a_longer_training_has_the_longer_schedule_from_its_first_step(tmp_path):
    train(epochs=2, cut=1, save=tmp_path / "cut.ckpt")
    longer, _ = train(epochs=3, resume=tmp_path / "cut.ckpt")
    assert longer.rates == pytest.approx([1e-3 * (1 - step / 12) ** 0.9 for step in range(4, 12)])


def test_two_processes_train_one_network_on_both_halves(tmp_path):
    done = subprocess.run([sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert ranks[0]["weights"] == ranks[1]["weights"]
    for epoch in range(2):
        names = [name for rank in ranks for number, batch, _ in rank["batches"] if number == epoch for name in batch]
        assert sorted(names) == list("01234567")


def main(folder: Path) -> None:
    """Train together with the other process, which Lightning starts, and write what was seen."""
    record, task = train(epochs=2, strategy="ddp", devices=2)
    weights = sum(parameter.double().sum().item() for parameter in task.parameters())
    (folder / f"{task.global_rank}.json").write_text(json.dumps({"batches": record.batches, "weights": weights}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
