"""Writes a run folder: configuration at the start, scores after every epoch, network and report at the end."""

import json
import math
from collections.abc import Iterable
from typing import Any

import lightning.pytorch as pl
import torch
import yaml
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import Dataset

from feedbackward.data.datamodule import Item
from feedbackward.io import write_json, write_text
from feedbackward.metrics.scores import TITLES, Scores, percent
from feedbackward.models.adapter import fitting_dtype
from feedbackward.models.card import Training
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.training.closer_look import look_closer
from feedbackward.training.history import History
from feedbackward.training.panels import Panels, draw_panels
from feedbackward.training.pictures import spread
from feedbackward.training.report import render_report
from feedbackward.training.run_folder import RunFolder
from feedbackward.training.task import SegmentationTask


class RunResults(pl.Callback):
    """Updates a run folder during training.

    Args:
        folder: The run folder; its `check` has passed.
        history: The history to write; its callback must run before this one.
        config: The full configuration as YAML.
        facts: Further content of metrics.json: recipe, model, data and seed.
    """

    def __init__(self, folder: RunFolder, history: History, *, config: str, facts: dict[str, Any]) -> None:
        self.folder = folder
        self.history = history
        self.config = config
        self.facts = facts

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Count the parameters, even for a resumed run that has no epoch left."""
        assert isinstance(pl_module, SegmentationTask)
        self.facts["network"] = pl_module.network.config
        self.facts["parameters"] = sum(parameter.numel() for parameter in pl_module.parameters())

    @rank_zero_only
    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write the configuration and the versions."""
        self.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        write_text(self.folder.config, self.config)
        self.folder.write_versions()

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
            "epochs": len(self.history.epochs),
            "training_seconds": round(self.history.seconds, 3),
            "best": self.history.best,
            "last": self.history.last,
            "curves": curves,
        }

    def finish(self, task: SegmentationTask, dataset: Dataset[Item], *, scenes: int = 4) -> None:
        """Save the best network and write the report.

        Args:
            task: The trained task; its network becomes the best one.
            dataset: The validation set, for the pictures.
            scenes: The number of scenes to show, and of the worst ones.
        """
        task.load_state_dict(read_checkpoint(self.folder.checkpoint("best"))["state_dict"])
        versions = json.loads(self.folder.versions.read_text())
        (self.folder.model / "README.md").unlink(missing_ok=True)  # the model card of an earlier finish of this run
        training = self._training(versions, dataset)
        task.network.save_pretrained(self.folder.model, model_card_kwargs={"training": training})
        closer = look_closer(task, dataset, worst=scenes)
        worst = predict_panels(task, dataset, (index for index, _ in closer.worst))
        report = render_report(
            self.metrics(),
            table=task.class_table,
            panels=predict_panels(task, dataset, spread(len(dataset), scenes)),  # type: ignore[arg-type]
            worst=[
                (name, score, panels) for (name, panels), (_, score) in zip(worst.items(), closer.worst, strict=True)
            ],
            by_size=closer.by_size,
            config=self.config,
            versions=versions,
        )
        write_text(self.folder.report, report)
        if isinstance(task.network, Feedbackward) and task.network.config["freeze_encoder"]:
            dtype = fitting_dtype(task.network)
            task.network.save_adapter(self.folder.adapter, dtype=dtype, scores=training.scores)

    def _training(self, versions: dict[str, Any], dataset: Dataset[Item]) -> Training:
        """The description of the training for the model card, without paths of this machine."""
        assert self.history.best is not None
        best = Scores.from_dict(self.history.best)
        config = yaml.safe_load(self.config)
        recipe = _without_folders(config)
        folder = " --data.root FOLDER" if "root" in config["data"]["init_args"] else ""
        facts = [
            f"{self.history.summary.capitalize()}, on the same {len(dataset)} images, "  # type: ignore[arg-type]
            f"seed {self.facts['seed']}: expect lower scores on images that were not used for this choice.",
            f"Trained in {self.history.seconds / 60:.0f} minutes.",
        ]
        return Training(
            data=self.facts["data"].removesuffix("Data"),
            split="val",
            scores={TITLES[name]: percent(value) for name, value in best.scalars.items()},
            per_class={label: [percent(values[label]) for values in best.per_class.values()] for label in best.names},
            columns=[TITLES[name] for name in best.per_class],
            facts=[*facts, *(f"{note}." for note in best.notes)],
            recipe=yaml.safe_dump(recipe, sort_keys=False).rstrip(),
            command=f"feedbackward fit --config recipe.yaml{folder}",
            versions=versions,
        )


def _without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a run without paths and the trainer's defaults, to use on another machine."""
    data, trainer = config["data"], config["trainer"]
    init_args = {key: value for key, value in data["init_args"].items() if key != "root"}
    folders = ("default_root_dir", "logger")
    trainer = {key: value for key, value in trainer.items() if value is not None and key not in folders}
    rest = {key: value for key, value in config.items() if key not in ("run_dir", "ckpt_path")}
    return {**rest, "data": {**data, "init_args": init_args}, "trainer": trainer}


@torch.inference_mode()
def predict_panels(task: SegmentationTask, dataset: Dataset[Item], indices: Iterable[int]) -> dict[str, Panels]:
    """Predict the items of a data set that have these indices; pictures by name."""
    task.eval()
    panels = {}
    for index in indices:
        item = dataset[index]
        prediction = task(item["image"][None].to(task.device)).argmax(dim=1)[0]
        panels[item["name"]] = draw_panels(item["image"], item["mask"], prediction, task.class_table)
    return panels
