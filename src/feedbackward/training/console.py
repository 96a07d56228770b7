"""The terminal output of a training: a line per epoch, and tables of scores."""

import os
from statistics import median

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities import rank_zero_only
from rich import get_console
from rich.text import Text

from feedbackward.machine import peak_memory
from feedbackward.metrics.scores import Scores, percent
from feedbackward.training.history import History
from feedbackward.training.task import SegmentationTask

WAITED, LONG = 0.2, 10
"""The share of an epoch spent waiting for images from which a line says so, if the epoch takes so many seconds."""


class EpochLines(pl.Callback):
    """Prints the numbers of parameters and batches, then a line per epoch with the time that is left.

    Args:
        history: Source of the lines; its callback must run before this one.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._hinted = False

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the numbers of parameters, trained and frozen, and of batches."""
        parameters = list(pl_module.parameters())
        total = sum(parameter.numel() for parameter in parameters)
        trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
        frozen = f", of which {trained:,} train and {total - trained:,} are frozen" if trained < total else ""
        assert isinstance(pl_module, SegmentationTask)
        config = pl_module.network.config
        network = " on ".join(str(config[key]) for key in ("model", "encoder_name") if config.get(key))
        if decoder := config.get("decoder"):
            network += f" (retrace={decoder['retrace']})"
        layout = ", channels-last memory" if pl_module.memory_format == torch.channels_last else ""
        how = f"on {pl_module.device}, precision {trainer.precision}{layout}"
        get_console().print(
            f"{network}, {total / 1e6:.2f} M parameters{frozen}, {trainer.num_training_batches} training batches an "
            f"epoch, {sum(trainer.num_val_batches)} validation batches, {how}",
            highlight=False,
            soft_wrap=True,
        )

    @rank_zero_only
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the losses, the mean IoU, the duration of the epoch, the time left and the most memory used."""
        record, best = self.history.epochs[-1], self.history.best
        parts = [f"epoch {record['epoch']:>3}", f"train loss {record['train/loss']:.4f}"]
        if "val/mean_iou" in record:
            parts += [f"val loss {record['val/loss']:.4f}", f"mean IoU {percent(record['val/mean_iou'])}"]
        if best is not None:
            parts.append(f"best {percent(best['scalars']['mean_iou'] or 0.0)} in epoch {best['epoch']}")
        if record["skipped"]:
            parts.append(f"{record['skipped']:.0f} batches left out")
        memory = peak_memory(pl_module.device)
        used = "" if memory is None else f", {memory / 1e9:.1f} GB"
        parts.append(f"{record['seconds']:.0f} s{self._left(trainer)}{used}")
        get_console().print("   ".join(parts), highlight=False, soft_wrap=True)
        if record["waited"] > WAITED * record["seconds"] and record["seconds"] > LONG and not self._hinted:
            self._hinted = True
            get_console().print(_waiting(record, pl_module), highlight=False, soft_wrap=True)

    def _left(self, trainer: pl.Trainer) -> str:
        """The time left, from the median epoch so far; empty if the end is not known or reached."""
        epochs = self.history.epochs
        left = (trainer.max_epochs or 0) - len(epochs)
        seconds = left * median(record["seconds"] for record in epochs)
        if left <= 0:
            return ""
        return f", {seconds / 60:.0f} min left" if seconds >= 60 else f", {seconds:.0f} s left"


def _waiting(record: dict[str, float], pl_module: pl.LightningModule) -> str:
    """What to do about an epoch that waited for images."""
    share, data = record["waited"] / record["seconds"], pl_module.trainer.datamodule  # type: ignore[attr-defined]
    cores = os.cpu_count() or 1
    hint = f"raise --data.num_workers of `fit` ({data.num_workers}; the machine has {cores} cores)"
    if data.num_workers >= cores:
        hint = "a cache helps (train: --cache FOLDER, fit: --data.cache FOLDER), or smaller ones (--size, --data.size)"
    return f"{share:.0%} of this epoch was spent waiting for images; {hint}"


def print_scores(scores: Scores, *, title: str) -> None:
    """Print the scores below a title."""
    get_console().print(Text(title), soft_wrap=True)  # Text: names of users are not markup
    get_console().print(scores)
