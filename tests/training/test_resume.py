"""A training that is cut and resumed sees what it would have seen in one go; one of two processes sees its half.

Run as a script, this file is one of two processes.
"""

import json
import subprocess
import sys
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.training.schedules import PolynomialDecay
from feedbackward.training.task import SegmentationTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:`training_step` returned `None`"),
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


def train(*, epochs, workers=0, seed=0, resume=None, save=None, cut=None, **options):
    class Cut(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch + 1 == cut:
                trainer.save_checkpoint(save)
                trainer.should_stop = True

    pl.seed_everything(seed, workers=True, verbose=False)
    task = SegmentationTask(
        name="test_resnet",
        class_table=TABLE,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=1e-3),
        scheduler=PolynomialDecay,
    )
    record = Record()
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=epochs, callbacks=[record, Cut()], limit_val_batches=0, **QUIET, **options
    )
    trainer.fit(task, NoiseData(batch_size=2, num_workers=workers), ckpt_path=resume, weights_only=True)
    return record, task


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_training_sees_what_the_straight_one_sees(workers, tmp_path):
    straight, _ = train(epochs=3)
    first, _ = train(epochs=3, cut=2, save=tmp_path / "cut.ckpt", workers=workers)
    second, _ = train(epochs=3, resume=tmp_path / "cut.ckpt", seed=5, workers=workers)
    assert first.batches + second.batches == straight.batches
    assert first.rates + second.rates == straight.rates
    assert len({sum_ for _, _, sum_ in straight.batches}) == 12


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
