"""The scores of one pass over a data set, as plain data that goes into logs, tables, checkpoints and JSON."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import Scoring
from feedbackward.metrics import CityscapesScores, SegmentationScores

CITYSCAPES_SIZE = (1024, 2048)
"""Height and width at which the benchmark measured the mean instance sizes that weigh the iIoU."""
IIOU_NOTE = "iIoU is comparable only at 1024x2048"


@dataclass(frozen=True)
class Scores:
    """Scores of one pass over a data set.

    Args:
        scalars: mean_iou, pixel_accuracy and mean_accuracy, with Cityscapes ids also iiou_class, iou_category
            and iiou_category; from 0 to 1.
        per_class: By name of the score (iou, accuracy, with Cityscapes ids also iiou) and of the class; nan
            where there is none.
        confusion: Pixels by true class (row) and predicted class (column).
        names: The classes.
        notes: What is to be known before the scores are compared with others.
    """

    scalars: dict[str, float]
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    names: list[str]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data: a value that does not exist is None, since JSON has no nan."""
        return {
            "scalars": {name: _finite(value) for name, value in self.scalars.items()},
            "per_class": {
                name: {label: _finite(value) for label, value in values.items()}
                for name, values in self.per_class.items()
            },
            "confusion": self.confusion,
            "names": self.names,
            "notes": self.notes,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Scores":
        """Build the scores from the plain data of to_dict."""
        return cls(
            {name: _number(value) for name, value in data["scalars"].items()},
            {
                name: {label: _number(value) for label, value in values.items()}
                for name, values in data["per_class"].items()
            },
            data["confusion"],
            data["names"],
            data["notes"],
        )


class StageScores(nn.Module):
    """The metrics of one pass over a data set, summed over batches and processes.

    Args:
        class_table: The classes.
        scoring: "cityscapes" adds the instance and category scores.
    """

    def __init__(self, class_table: ClassTable, scoring: Scoring) -> None:
        super().__init__()
        self.class_table = class_table
        self.classes = SegmentationScores(class_table)
        self.cityscapes = CityscapesScores() if scoring == "cityscapes" else None
        self._official_size = True

    def update(self, prediction: Tensor, batch: dict[str, Any]) -> None:
        """Count a batch: prediction (N, H, W) against the batch's mask and Cityscapes ids."""
        self.classes.update(prediction, batch["mask"])
        if self.cityscapes is not None:
            self.cityscapes.update(prediction, batch["label_ids"], batch["instance_ids"])
            self._official_size &= tuple(batch["mask"].shape[-2:]) == CITYSCAPES_SIZE

    def finish(self) -> Scores:
        """The scores of everything counted since the last call, in all processes."""
        names = self.class_table.names
        classes = self.classes.compute()
        scalars = {name: float(classes[name]) for name in ("mean_iou", "pixel_accuracy", "mean_accuracy")}
        per_class = {name: dict(zip(names, classes[name].tolist(), strict=True)) for name in ("iou", "accuracy")}
        if self.cityscapes is not None:
            result = self.cityscapes.compute()
            scalars["iiou_class"] = result.iiou_class
            scalars["iou_category"] = result.iou_category
            scalars["iiou_category"] = result.iiou_category
            per_class["iiou"] = {name: result.class_iiou[name] for name in names}
        notes = [] if self._official_size else [IIOU_NOTE]
        self._reset()
        return Scores(scalars, per_class, classes["confusion"].tolist(), list(names), notes)

    def _reset(self) -> None:
        self._official_size = True
        # The trainer validates in inference mode; counters made there could not be used in a fit that follows.
        with torch.inference_mode(False):
            self.classes.reset()
            if self.cityscapes is not None:
                self.cityscapes.reset()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
