"""Logs a few validation scenes to TensorBoard during training."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from feedbackward.training.panels import draw_panels
from feedbackward.training.task import SegmentationTask


def spread(length: int, count: int) -> list[int]:
    """Return up to count indices, evenly spread over a sequence of that length.

    Example:
        >>> spread(101, 4)
        [12, 37, 63, 88]
    """
    count = min(length, count)
    return [(2 * index + 1) * length // (2 * count) for index in range(count)]


class TensorBoardPictures(pl.Callback):
    """Logs ground truth and prediction of the same few scenes after 1, 2, 4, 8, ... epochs.

    Predictions change most in early epochs, and pictures of every epoch would take more space than the checkpoints.

    Args:
        count: The number of scenes.
    """

    def __init__(self, *, count: int = 4) -> None:
        self.count = count

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: dict[str, Tensor],  # type: ignore[override]
        batch: dict[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Log the first scene of some batches."""
        logger = trainer.logger
        if not isinstance(logger, TensorBoardLogger) or trainer.sanity_checking:
            return
        epoch = trainer.current_epoch + 1
        if epoch & (epoch - 1) or batch_idx not in spread(int(trainer.num_val_batches[0]), self.count):
            return
        assert isinstance(pl_module, SegmentationTask)
        panels = draw_panels(batch["image"][0], batch["mask"][0], outputs["prediction"][0], pl_module.class_table)
        logger.experiment.add_image(f"val/{batch['name'][0]}", panels.overlays(), epoch, dataformats="HWC")
