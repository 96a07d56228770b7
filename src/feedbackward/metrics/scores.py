"""The scores of a data set: one dataclass for training, evaluation, quantization and the studies.

Values are fractions from 0 to 1, shown to people in percent; nan marks a score that is undefined, as for a class
that occurs neither in the ground truth nor in the predictions. Means leave nan out.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from feedbackward.data.cityscapes_labels import CATEGORIES, LABELS
from feedbackward.errors import InputError

if TYPE_CHECKING:
    import rich.console
    import rich.table

TITLES = {
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice (F1)",
    "pixel_accuracy": "pixel accuracy",
    "mean_precision": "mean precision",
    "mean_accuracy": "mean accuracy (recall)",
    "mean_boundary_iou": "mean boundary IoU",
    "iiou_class": "iIoU class",
    "iou_category": "IoU category",
    "iiou_category": "iIoU category",
    "iou": "IoU",
    "dice": "Dice (F1)",
    "precision": "precision",
    "accuracy": "accuracy (recall)",
    "boundary_iou": "boundary IoU",
    "iiou": "iIoU",
}
"""The name of each score in tables."""

ByName = dict[str, dict[str, float | int]]
"""Values by name of the score, then by name of the class or category."""


# Not frozen: torchmetrics copies what a metric computes, and refuses frozen dataclasses.
@dataclass(kw_only=True)
class Scores:
    """The scores of a data set.

    Printed with rich, it is a table of percentages followed by the notes.

    Args:
        scalars: mean_iou, mean_dice, pixel_accuracy, mean_precision and mean_accuracy; for Cityscapes also iiou_class,
            iou_category and iiou_category; where asked for mean_boundary_iou.
        per_class: iou, dice (which is F1), precision and accuracy (which is recall), for Cityscapes also iiou, where
            asked for boundary_iou, each by class name.
        per_category: For Cityscapes iou and iiou, each by name of the seven categories; otherwise empty.
        confusion: Pixels by true class (row) and predicted class (column), of the classes in `names`; empty if classes
            overlap.
        predicted_void: The pixels of each true class that are predicted as void, or for Cityscapes as a label that is
            not evaluated.
        by_size: Where asked for, by size of object, "small", "medium" and "large": objects, found and recall, each by
            class name, see metrics.objects; otherwise empty.
        label_confusion: For Cityscapes the pixels by true (row) and predicted (column) label id, 0 to 33, ignored
            labels included; otherwise None.
        names: The classes, in the order of their indices.
        notes: Caveats for comparing the scores with others.

    Example:
        >>> scores = Scores(
        ...     scalars={"mean_iou": 0.5},
        ...     per_class={"iou": {"road": 0.5}},
        ...     confusion=[[1]],
        ...     predicted_void=[1],
        ...     names=["road"],
        ... )
        >>> scores.to_dict()["scalars"]
        {'mean_iou': 0.5}
    """

    scalars: dict[str, float]
    per_class: ByName
    per_category: ByName = field(default_factory=dict)
    by_size: dict[str, ByName] = field(default_factory=dict)
    confusion: list[list[int]]
    predicted_void: list[int]
    label_confusion: list[list[int]] | None = None
    names: list[str]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; undefined scores are None, since JSON has no nan.

        The keys per_category and label_confusion are present for Cityscapes only, by_size only where asked for.
        """
        data: dict[str, Any] = {
            "scalars": _finite(self.scalars),
            "per_class": {name: _finite(values) for name, values in self.per_class.items()},
        }
        if self.per_category:
            data["per_category"] = {name: _finite(values) for name, values in self.per_category.items()}
        if self.by_size:
            data["by_size"] = plain_by_size(self.by_size)
        data |= {"confusion": self.confusion, "predicted_void": self.predicted_void}
        if self.label_confusion is not None:
            data["label_confusion"] = self.label_confusion
        return {**data, "names": self.names, "notes": self.notes}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Scores":
        """The scores of plain data that to_dict returned; further keys are ignored."""
        return cls(
            scalars=_numbers(data["scalars"]),
            per_class={name: _numbers(values) for name, values in data["per_class"].items()},
            per_category={name: _numbers(values) for name, values in data.get("per_category", {}).items()},
            by_size={
                size: {name: _numbers(values) for name, values in scores.items()}
                for size, scores in data.get("by_size", {}).items()
            },
            confusion=data["confusion"],
            predicted_void=data["predicted_void"],
            label_confusion=data.get("label_confusion"),
            names=data["names"],
            notes=data["notes"],
        )

    def to_official(self) -> dict[str, Any]:
        """The content of the official Cityscapes evaluator's result file (cityscapesScripts), nan included.

        It lists all 34 labels and 8 categories; those that are not evaluated have nan.

        Raises:
            InputError: If these are not scores of Cityscapes.
        """
        if self.label_confusion is None:
            raise InputError(
                "only scores of Cityscapes label ids can be written as the official result file; "
                "write these as plain JSON"
            )
        pixels = [sum(row) for row in self.label_confusion]
        return {
            "averageScoreClasses": self.scalars["mean_iou"],
            "averageScoreInstClasses": self.scalars["iiou_class"],
            "averageScoreCategories": self.scalars["iou_category"],
            "averageScoreInstCategories": self.scalars["iiou_category"],
            "classScores": _listed(self.per_class["iou"], _LABEL_NAMES),
            "classInstScores": _listed(self.per_class["iiou"], _LABEL_NAMES),
            "categoryScores": _listed(self.per_category["iou"], CATEGORIES),
            "categoryInstScores": _listed(self.per_category["iiou"], CATEGORIES),
            "confMatrix": self.label_confusion,
            "labels": {label.name: label.id for label in LABELS},
            "priors": {name: ratio(count, sum(pixels)) for name, count in zip(_LABEL_NAMES, pixels, strict=True)},
        }

    def __rich__(self) -> "rich.console.Group":
        from rich.console import Group, RenderableType
        from rich.text import Text

        parts: list[RenderableType] = [_table("class", self.per_class, self.names)]
        if self.per_category:
            parts.append(_table("category", self.per_category, next(iter(self.per_category.values()))))
        if self.by_size:
            parts.append(_size_table(self.by_size, self.names))
        parts.append(_scalar_table(self.scalars))
        # Text and not str: names and notes that look like markup are shown as they are.
        return Group(*parts, *map(Text, self.notes))


_LABEL_NAMES = [label.name for label in LABELS]


def percent(value: float | int | None) -> str:
    """A score from 0 to 1 in percent; a dash where it is undefined.

    Example:
        >>> percent(0.4567)
        '45.7'
    """
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def ratio(part: float | int, whole: float | int) -> float:
    """Part / whole; nan if whole is 0."""
    return part / whole if whole else math.nan


def mean(values: Iterable[float]) -> float:
    """The mean of the values that are defined; nan if none is."""
    defined = [value for value in values if not math.isnan(value)]
    return ratio(sum(defined), len(defined))


def _table(kind: str, scores: ByName, names: Iterable[str]) -> "rich.table.Table":
    table = _columns(kind, *(f"{TITLES[score]} %" for score in scores))
    for name in names:
        table.add_row(escape(name), *(percent(values[name]) for values in scores.values()))
    return table


def _size_table(by_size: dict[str, ByName], names: Iterable[str]) -> "rich.table.Table":
    table = _columns("class, size of object", "objects", "found %", "recall %")
    for name in names:
        for size, scores in by_size.items():
            if scores["objects"][name]:
                found, recall = (percent(scores[score][name]) for score in ("found", "recall"))
                table.add_row(escape(f"{name}, {size}"), str(scores["objects"][name]), found, recall)
    return table


def _scalar_table(scalars: dict[str, float]) -> "rich.table.Table":
    table = _columns("all classes", "%")
    for name, value in scalars.items():
        table.add_row(TITLES[name], percent(value))
    return table


def _columns(first: str, *others: str) -> "rich.table.Table":
    from rich.table import Table

    table = Table()
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right")
    return table


def plain_by_size(by_size: Mapping[str, ByName]) -> dict[str, Any]:
    """Scores by size of object as plain JSON data; undefined ones are None."""
    return {size: {name: _finite(values) for name, values in scores.items()} for size, scores in by_size.items()}


def _finite(values: Mapping[str, float | int]) -> dict[str, float | int | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _numbers(values: Mapping[str, float | int | None]) -> dict[str, float | int]:
    return {name: math.nan if value is None else value for name, value in values.items()}


def _listed(scores: Mapping[str, float | int], names: Iterable[str]) -> dict[str, float]:
    return {name: scores.get(name, math.nan) for name in names}
