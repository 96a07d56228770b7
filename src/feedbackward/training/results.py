"""Writes a run folder: what was asked at the start, the scores after every epoch, network and report at the end."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.utilities import rank_zero_only

from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.training.checkpoints import read_checkpoint
from feedbackward.training.history import History
from feedbackward.training.run_folder import RunFolder
from feedbackward.training.task import SegmentationTask


class RunResults(pl.Callback):
    """Keeps a run folder up to date while a network is trained.

    Args:
        folder: The run folder, prepared.
        history: The history to write; its callback must run before this one.
        config: The full configuration as YAML.
        facts: What else metrics.json is to hold, such as the recipe and the seed.
    """

    def __init__(self, folder: RunFolder, history: History, *, config: str, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.history = history
        self.config = config
        self.facts = facts

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Writes the configuration and the versions."""
        self.folder.write(self.folder.config, self.config)
        self.folder.write_versions()
        self.facts["parameters"] = sum(parameter.numel() for parameter in pl_module.parameters())

    @rank_zero_only
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Writes metrics.json, so that an interrupted run has one too."""
        self.folder.write_json(self.folder.metrics, self.metrics())

    def finish(self, task: SegmentationTask, datamodule: SegmentationDataModule) -> None:
        """Save the best network and write the report; the task holds the best network afterwards."""
        task.load_state_dict(read_checkpoint(self.folder.checkpoint("best"))["state_dict"])
        task.network.save_pretrained(self.folder.model)

    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json: facts, best and last scores (from 0 to 1), one record per epoch."""
        return {
            **self.facts,
            "epochs": len(self.history.epochs),
            "training_seconds": round(self.history.seconds, 3),
            "best": self.history.best,
            "last": self.history.last,
            "curves": [
                {name: value if value == value else None for name, value in record.items()}  # nan is not JSON
                for record in self.history.epochs
            ],
        }
