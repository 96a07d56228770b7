"""The terminal output of a training: a line per epoch, and tables of scores."""

import lightning.pytorch as pl
from lightning.pytorch.utilities import rank_zero_only
from rich import get_console
from rich.text import Text

from feedbackward.metrics.scores import Scores, percent
from feedbackward.training.history import History


class EpochLines(pl.Callback):
    """Prints the numbers of parameters and batches, then a line per epoch.

    Args:
        history: Source of the lines; its callback must run before this one.
    """

    def __init__(self, history: History) -> None:
        self.history = history

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the numbers of parameters, trained and frozen, and of batches."""
        parameters = list(pl_module.parameters())
        total = sum(parameter.numel() for parameter in parameters)
        trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
        frozen = f", of which {trained:,} train and {total - trained:,} are frozen" if trained < total else ""
        get_console().print(
            f"{total / 1e6:.2f} M parameters{frozen}, {trainer.num_training_batches} training batches an epoch, "
            f"{sum(trainer.num_val_batches)} validation batches, on {pl_module.device}",
            highlight=False,
            soft_wrap=True,
        )

    @rank_zero_only
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Print the losses, the mean IoU and the duration of the epoch."""
        record, best = self.history.epochs[-1], self.history.best
        parts = [f"epoch {record['epoch']:>3}", f"train loss {record['train/loss']:.4f}"]
        if "val/mean_iou" in record:
            parts += [f"val loss {record['val/loss']:.4f}", f"mean IoU {percent(record['val/mean_iou'])}"]
        if best is not None:
            parts.append(f"best {percent(best['scalars']['mean_iou'] or 0.0)} in epoch {best['epoch']}")
        line = "   ".join([*parts, f"{record['seconds']:.0f} s"])
        get_console().print(line, highlight=False, soft_wrap=True)


def print_scores(scores: Scores, *, title: str) -> None:
    """Print the scores below a title."""
    get_console().print(Text(title), soft_wrap=True)  # Text: names of users are not markup
    get_console().print(scores)
