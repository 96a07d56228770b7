"""Saves best.ckpt and last.ckpt at the end of every epoch.

Lightning's ModelCheckpoint stores the best score by absolute path: resumed in a folder that was moved, it loses the
score and overwrites the best checkpoint. Here the history, which is part of the checkpoint, decides.
"""

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint

from feedbackward.training.history import History
from feedbackward.training.run_folder import RunFolder


class BestAndLast(Checkpoint):
    """Saves the epoch with the highest validation mean IoU as best.ckpt, and every epoch as last.ckpt.

    Args:
        folder: The run folder.
        history: Determines the best epoch; its callback must run before this one.
    """

    def __init__(self, folder: RunFolder, history: History) -> None:
        self.folder = folder
        self.history = history

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Save from all processes together; each file is replaced atomically."""
        if self.history.best is not None and self.history.best["epoch"] == trainer.current_epoch + 1:
            trainer.save_checkpoint(self.folder.checkpoints / "best.ckpt")
        trainer.save_checkpoint(self.folder.checkpoints / "last.ckpt")
