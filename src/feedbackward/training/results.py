"""Writes a run folder: configuration at the start, scores after every epoch, network and report at the end."""

import json
import math
from collections.abc import Iterable, Sequence, Sized
from typing import Any, cast

import lightning.pytorch as pl
import torch
import yaml
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import Dataset

from feedbackward.data.datamodule import Item, SegmentationDataModule
from feedbackward.io import write_json, write_text
from feedbackward.metrics.scores import TITLES, Scores, percent
from feedbackward.models.adapter import fitting_dtype
from feedbackward.models.card import Training
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.nn.overlapping import chosen_classes
from feedbackward.preprocessing import Preprocessing
from feedbackward.training.closer_look import look_closer
from feedbackward.training.facts import sentences, session
from feedbackward.training.history import History
from feedbackward.training.panels import Panels, draw_panels
from feedbackward.training.pictures import spread
from feedbackward.training.portable import places_in_recipe, repeat_command, split_places
from feedbackward.training.report import render_report
from feedbackward.training.run_folder import RunFolder
from feedbackward.training.task import SegmentationTask


class RunResults(pl.Callback):
    """Updates a run folder during training.

    Args:
        folder: The run folder; its `check` has passed.
        history: The history to write; its callback must run before this one.
        config: The full configuration as YAML.
        model: The name of the model.
        data: The name of the data set.

    Attributes:
        sessions: A record for each part of a training that was resumed; they are stored in its checkpoints.
    """

    def __init__(self, folder: RunFolder, history: History, *, config: str, model: str, data: str) -> None:
        self.folder = folder
        self.history = history
        self.config = config
        self.facts: dict[str, Any] = {"run": folder.root.resolve().name, "model": model, "data": data}
        self.sessions: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        """The parts of the training as plain data."""
        return {"sessions": self.sessions}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the earlier parts of a training that is resumed."""
        self.sessions = state_dict["sessions"]

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Count the parameters, even for a resumed run that has no epoch left."""
        assert isinstance(pl_module, SegmentationTask)
        self.facts["network"] = pl_module.network.config
        self.facts["parameters"] = sum(parameter.numel() for parameter in pl_module.network.parameters())

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write the configuration, also to the trackers, and the versions."""
        self.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        write_text(self.folder.config, self.config)
        self.folder.write_versions()
        config = yaml.safe_load(self.config)
        self.sessions.append(session(config, data=self.facts["data"], epoch=trainer.current_epoch + 1))
        for logger in trainer.loggers:
            logger.log_hyperparams(config)

    @rank_zero_only
    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write metrics.json, so that an interrupted run has one too."""
        write_json(self.folder.metrics, self.metrics())

    def metrics(self) -> dict[str, Any]:
        """Return the content of metrics.json: facts, best and last scores (from 0 to 1), one record per epoch."""
        curves = [
            {name: value if math.isfinite(value) else None for name, value in record.items()}
            for record in self.history.epochs
        ]
        return {
            **self.facts,
            "seed": self.sessions[0]["options"]["seed_everything"],
            "epochs": len(self.history.epochs),
            "training_seconds": round(self.history.seconds, 3),
            "skipped_batches": self.history.skipped,
            "best": self.history.best,
            "last": self.history.last,
            "curves": curves,
        }

    def finish(self, task: SegmentationTask, data: SegmentationDataModule, *, scenes: int = 4) -> None:
        """Save the best network and write the report.

        Args:
            task: The trained task; its network becomes the best one.
            data: The data set, set up for training; its images are read as for the best network.
            scenes: The number of scenes to show, and of the worst ones.
        """
        best = read_checkpoint(self.folder.checkpoint("best"))
        task.load_state_dict(best["state_dict"])
        # The training may have been resumed with images of another size after its best epoch.
        task.network.preprocessing = Preprocessing.from_dict(best["feedbackward"]["network"]["preprocessing"])
        data.preprocessing = task.network.preprocessing.without_normalization()
        dataset = data.dataset("val")
        facts = sentences(
            self.history,
            self.sessions,
            training_images=len(cast(Sized, data.training_set)),
            validation_images=len(cast(Sized, dataset)),
        )
        versions = json.loads(self.folder.versions.read_text())
        (self.folder.model / "README.md").unlink(missing_ok=True)  # the model card of an earlier finish of this run
        training = self._training(versions, facts)
        task.network.save_pretrained(self.folder.model, training=training)
        closer = look_closer(task, dataset, worst=scenes)
        worst = predict_panels(task, dataset, (index for index, _ in closer.worst))
        report = render_report(
            self.metrics(),
            facts=facts,
            table=task.class_table,
            panels=predict_panels(task, dataset, spread(len(cast(Sized, dataset)), scenes)),
            worst=[
                (name, score, panels) for (name, panels), (_, score) in zip(worst.items(), closer.worst, strict=True)
            ],
            by_size=closer.by_size,
            config=self.config,
            versions=versions,
        )
        if isinstance(task.network, Feedbackward) and task.network.config["freeze_encoder"]:
            dtype = fitting_dtype(task.network)
            task.network.save_adapter(self.folder.adapter, dtype=dtype, scores=training.scores)
            card = task.network.generate_adapter_card(self.folder.adapter, training=training)
            write_text(self.folder.adapter_card, f"{card}")
        write_text(self.folder.report, report)  # the last file: a training without it is resumed to write them

    def _training(self, versions: dict[str, Any], facts: Sequence[str]) -> Training:
        """The description of the training for the model card, without paths of this machine."""
        assert self.history.best is not None
        best = Scores.from_dict(self.history.best)
        recipe, places = split_places(yaml.safe_load(self.config))
        return Training(
            run=self.facts["run"],
            data=self.facts["data"],
            split="val",
            scores={TITLES[name]: percent(value) for name, value in best.scalars.items()},
            per_class={label: [percent(values[label]) for values in best.per_class.values()] for label in best.names},
            columns=[TITLES[name] for name in best.per_class],
            facts=[*facts, *(f"{note}." for note in best.notes)],
            recipe=yaml.safe_dump(recipe, sort_keys=False).rstrip(),
            command=repeat_command(places),
            placeholders=places_in_recipe(places),
            versions=versions,
        )


@torch.inference_mode()
def predict_panels(task: SegmentationTask, dataset: Dataset[Item], indices: Iterable[int]) -> dict[str, Panels]:
    """Predict the items of a data set that have these indices; pictures by name."""
    task.eval()
    panels = {}
    for index in indices:
        item = dataset[index]
        logits = task(item["image"][None].to(task.device))
        prediction = chosen_classes(logits, overlapping=task.class_table.overlapping)[0]
        panels[item["name"]] = draw_panels(item["image"], item["mask"], prediction, task.class_table)
    return panels
