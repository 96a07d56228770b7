"""The record of each epoch, stored in the checkpoints so that a resumed training continues it."""

import time
from typing import Any

import lightning.pytorch as pl
import torch

from feedbackward.training.task import SegmentationTask


class History(pl.Callback):
    """Collects the curves and the best and last scores of a training.

    Attributes:
        epochs: One dict per finished epoch: epoch (from 1), seconds, of them "waited" for training images, the number
            of training "images", that of validation images "scored" (0 without validation), that of batches "skipped"
            as they gave no finite loss or gradient, and all that is logged.
        best: epoch, and the validation scores of the epoch with the highest mean IoU; None before the first.
        last: The same for the last validation.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.best: dict[str, Any] | None = None
        self.last: dict[str, Any] | None = None
        self._start = self._idle_since = self._seconds = self._waited = 0.0
        self._images = self._scored = 0

    @property
    def seconds(self) -> float:
        """Seconds of training and validation in all epochs, including those before a run was resumed."""
        return sum(record["seconds"] for record in self.epochs)

    @property
    def skipped(self) -> int:
        """The number of batches in all epochs that gave no finite loss or gradient."""
        return int(sum(record["skipped"] for record in self.epochs))

    @property
    def summary(self) -> str:
        """The best epoch, and the number of epochs, as text."""
        assert self.best is not None
        scored = sum("val/mean_iou" in record for record in self.epochs)
        return f"epoch {self.best['epoch']} of {len(self.epochs)}, the best of the {scored} that were scored"

    def on_sanity_check_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Drop the scores of the sanity check."""
        assert isinstance(pl_module, SegmentationTask)
        pl_module.results.clear()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Go on timing an epoch that is resumed."""
        self._idle_since = time.perf_counter()
        self._start = self._idle_since - self._seconds

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Start timing the epoch."""
        self._start = self._idle_since = time.perf_counter()
        self._waited = 0.0
        self._images = self._scored = 0

    def on_train_batch_start(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Add the time since the last batch, in which the images of this one were awaited."""
        self._waited += time.perf_counter() - self._idle_since

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Count the images of the batch, and start waiting for the next one."""
        self._images += len(batch["image"]) * trainer.world_size
        self._idle_since = time.perf_counter()

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Start counting; the last validation of an epoch is the one that counts."""
        self._scored = 0

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,
        batch_idx: int,  # noqa: ARG002
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Count the images of the batch."""
        self._scored += len(batch["image"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch; its validation has finished."""
        assert isinstance(pl_module, SegmentationTask)
        epoch = trainer.current_epoch + 1
        scores = pl_module.results.pop("val", None)
        logged = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if scores is not None or not name.startswith("val/")  # the trainer keeps the metrics of the last validation
        }
        logged["train/loss"] = float(pl_module.train_loss.compute())  # is logged after this
        seconds = time.perf_counter() - self._start
        scored = int(trainer.strategy.reduce(torch.tensor(self._scored, device=pl_module.device), reduce_op="sum"))
        skipped = pl_module.guard.skipped - self.skipped
        counts = {"images": self._images, "scored": scored, "skipped": skipped}
        self.epochs.append({"epoch": epoch, "seconds": seconds, "waited": self._waited, **counts, **logged})
        if scores is None:  # no validation in this epoch: trainer.check_val_every_n_epoch
            return
        self.last = {"epoch": epoch, **scores.to_dict()}
        if self.best is None or scores.scalars["mean_iou"] > (self.best["scalars"]["mean_iou"] or 0.0):
            self.best = self.last

    def state_dict(self) -> dict[str, Any]:
        """Return the history as plain data, with that of the epoch that has not finished."""
        unfinished = {"seconds": time.perf_counter() - self._start, "waited": self._waited, "images": self._images}
        return {"epochs": self.epochs, "best": self.best, "last": self.last, "unfinished": unfinished}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the history of a resumed training."""
        self.epochs = state_dict["epochs"]
        self.best = state_dict["best"]
        self.last = state_dict["last"]
        unfinished = state_dict["unfinished"]
        self._seconds, self._waited = unfinished["seconds"], unfinished["waited"]
        self._images = unfinished["images"]
