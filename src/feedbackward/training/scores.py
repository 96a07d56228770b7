"""The scores of one pass over a data set, as plain data that goes into logs, tables, checkpoints and JSON."""

import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from feedbackward.data.classes import ClassTable


@dataclass(frozen=True)
class Scores:
    """Scores of one pass over a data set.

    Args:
        scalars: mean_iou, pixel_accuracy and mean_accuracy, and with Cityscapes ids iiou_class, iou_category and
            iiou_category; from 0 to 1.
        per_class: By name of the score (iou, accuracy, and iiou with Cityscapes ids) and of the class; nan where the class does not occur.
        confusion: Pixels by true class (row) and predicted class (column).
        names: The classes.
    """

    scalars: dict[str, float]
    per_class: dict[str, dict[str, float]]
    confusion: list[list[int]]
    names: list[str]

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
        )


def collect_scores(metrics: nn.ModuleDict, class_table: ClassTable) -> Scores:
    """Compute the metrics "classes" and, where there is one, "cityscapes", across all processes."""
    classes = metrics["classes"].compute()
    scalars = {name: float(classes[name]) for name in ("mean_iou", "pixel_accuracy", "mean_accuracy")}
    per_class = {
        name: {label: float(value) for label, value in zip(class_table.names, classes[name], strict=True)}
        for name in ("iou", "accuracy")
    }
    if "cityscapes" in metrics:
        result = metrics["cityscapes"].compute()
        for name in ("iiou_class", "iou_category", "iiou_category"):
            scalars[name] = float(getattr(result, name))
        per_class["iiou"] = {label: result.class_iiou[label] for label in class_table.names}
    return Scores(scalars, per_class, classes["confusion"].tolist(), list(class_table.names))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else value
