"""What the history and the lines of the epochs say about time."""

import time
from types import SimpleNamespace

import pytest
import torch

from feedbackward.training import console
from feedbackward.training.console import EpochLines
from feedbackward.training.history import History

# Warnings of Lightning and torch that do not apply to these few steps.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
    pytest.mark.filterwarnings("ignore:Found .* module.s. in eval mode"),
]


class Slow:
    """A data set whose items take a while."""

    def __init__(self, items, seconds):
        self.items = items
        self.seconds = seconds

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        time.sleep(self.seconds)
        return self.items[index]


def fit(make_task, make_trainer, data, *, seconds):
    dataset = data.dataset
    data.dataset = lambda split: Slow(dataset(split), seconds if split == "train" else 0)
    history = History()
    make_trainer(max_epochs=2, callbacks=[history, EpochLines(history)]).fit(make_task(), data)
    return history


def test_the_time_spent_waiting_for_images_is_known(make_task, make_trainer, stripes):
    history = fit(make_task, make_trainer, stripes, seconds=0.02)
    for record in history.epochs:
        assert 8 * 0.02 <= record["waited"] < record["seconds"]


@pytest.mark.parametrize(("waited", "hints"), [(0.3, 1), (0.01, 0)])
def test_a_line_says_once_what_to_do_about_waiting(waited, hints, capsys, monkeypatch):
    monkeypatch.setattr(console.os, "cpu_count", lambda: 4)
    history = History()
    lines = EpochLines(history)
    trainer = SimpleNamespace(max_epochs=2, datamodule=SimpleNamespace(num_workers=1))
    for epoch in (1, 2):
        seconds = console.LONG + 1
        record = {"epoch": epoch, "seconds": seconds, "waited": waited * seconds, "skipped": 0, "train/loss": 0.5}
        history.epochs.append(record)
        lines.on_train_epoch_end(trainer, SimpleNamespace(device=torch.device("cpu"), trainer=trainer))
    printed = capsys.readouterr().out
    assert printed.count(f"{waited:.0%} of this epoch was spent waiting for images; ") == hints
    assert printed.count("raise --data.num_workers of `fit` (1; the machine has 4 cores)") == hints


def test_the_time_left_is_that_of_the_remaining_epochs(capsys, monkeypatch):
    monkeypatch.setattr(console, "peak_memory", {"cpu": 1_540_000_000}.get)
    history = History()
    lines = EpochLines(history)

    class Trainer:
        max_epochs = 4

    for epoch, seconds in enumerate((90, 30, 50, 40), 1):
        history.epochs.append({"epoch": epoch, "seconds": seconds, "waited": 0.0, "skipped": 0, "train/loss": 0.5})
        lines.on_train_epoch_end(Trainer, SimpleNamespace(device="cpu"))
    ends = [line.split("   ")[-1] for line in capsys.readouterr().out.splitlines()]
    assert ends == ["90 s, 4 min left, 1.5 GB", "30 s, 2 min left, 1.5 GB", "50 s, 50 s left, 1.5 GB", "40 s, 1.5 GB"]
