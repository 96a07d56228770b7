"""Logs a few validation scenes during training, to every tracker that takes pictures."""

from functools import singledispatch
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from PIL import Image
from torch import Tensor

from feedbackward.io import write_whole
from feedbackward.training.panels import draw_panels
from feedbackward.training.task import SegmentationTask
from feedbackward.training.trackio_logger import TrackioLogger
from feedbackward.viz.pictures import Picture


def spread(length: int, count: int) -> list[int]:
    """Return up to count indices, evenly spread over a sequence of that length.

    Example:
        >>> spread(101, 4)
        [12, 37, 63, 88]
    """
    count = min(length, count)
    return [(2 * index + 1) * length // (2 * count) for index in range(count)]


class Pictures(pl.Callback):
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
        if not trainer.loggers or not trainer.is_global_zero or trainer.sanity_checking:
            return
        epoch = trainer.current_epoch + 1
        if epoch & (epoch - 1) or batch_idx not in spread(int(trainer.num_val_batches[0]), self.count):
            return
        assert isinstance(pl_module, SegmentationTask)
        panels = draw_panels(batch["image"][0], batch["mask"][0], outputs["prediction"][0], pl_module.class_table)
        name, picture = f"val/{batch['name'][0]}", panels.overlays()
        for logger in trainer.loggers:
            log_picture(logger, name, picture, epoch=epoch, step=trainer.global_step - 1)


@singledispatch
def log_picture(logger: Logger, name: str, picture: Picture, *, epoch: int, step: int) -> None:
    """Log a picture to a tracker; one of another kind than those below is given none.

    Args:
        logger: The tracker.
        name: The name of the scene, such as val/street_1.
        picture: uint8 (h, w, 3).
        epoch: The number of the epoch, from 1.
        step: The index of the last step of the optimizer, which Lightning gives the scores of the validation too.
    """


@log_picture.register
def _(logger: TensorBoardLogger, name: str, picture: Picture, *, epoch: int, step: int) -> None:  # noqa: ARG001
    logger.experiment.add_image(name, picture, epoch, dataformats="HWC")


@log_picture.register
def _(logger: CSVLogger, name: str, picture: Picture, *, epoch: int, step: int) -> None:  # noqa: ARG001
    # A table has no pictures; they lie beside it.
    path = Path(logger.log_dir, name, f"epoch_{epoch}.jpg")
    write_whole(path, lambda file: Image.fromarray(picture).save(file, "JPEG", quality=90))


@log_picture.register
def _(logger: WandbLogger, name: str, picture: Picture, *, epoch: int, step: int) -> None:
    logger.log_image(name, [picture], step=step, caption=[f"epoch {epoch}"], file_type=["jpg"])


@log_picture.register
def _(logger: MLFlowLogger, name: str, picture: Picture, *, epoch: int, step: int) -> None:  # noqa: ARG001
    logger.experiment.log_image(logger.run_id, picture, artifact_file=f"{name}/epoch_{epoch}.jpg")


@log_picture.register
def _(logger: TrackioLogger, name: str, picture: Picture, *, epoch: int, step: int) -> None:
    from trackio import Image as TrackioImage

    logger.experiment.log({name: TrackioImage(picture, caption=f"epoch {epoch}")}, step=step)
