"""Scores of classes that overlap: each class against the rest, of the pixels of the whole data set."""

import torch
from jaxtyping import Int64, Integer
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.metrics.confusion_metric import ConfusionMetric
from feedbackward.metrics.functional import (
    absence_notes,
    accuracy_per_class,
    confusion_matrix,
    dice_per_class,
    iou_per_class,
    precision_per_class,
    scalars_of,
)
from feedbackward.metrics.scores import Scores, ratio
from feedbackward.metrics.segmentation_metric import SegmentationMetric

PRESENT = 1


def overlapping_scores(confusion: Int64[Tensor, "classes 2 3"], class_table: ClassTable) -> Scores:
    """The scores of the confusion matrix of each class; pixel_accuracy is that of all pixels and classes.

    Args:
        confusion: For each class pixels by truth (absent, present) and prediction (absent, present, void).
        class_table: The classes.
    """
    names = list(class_table.names)
    per_class = {
        score: {name: float(function(counts)[PRESENT]) for name, counts in zip(names, confusion, strict=True)}
        for score, function in (
            ("iou", iou_per_class),
            ("dice", dice_per_class),
            ("precision", precision_per_class),
            ("accuracy", accuracy_per_class),
        )
    }
    right = int(confusion.diagonal(dim1=1, dim2=2).sum())
    occurs = (confusion[:, PRESENT].sum(1) + confusion[:, 0, PRESENT] > 0).tolist()
    return Scores(
        scalars=scalars_of(per_class, ratio(right, int(confusion.sum()))),
        per_class=per_class,
        confusion=[],
        predicted_void=confusion[:, PRESENT, 2].tolist(),
        names=names,
        notes=["Classes overlap: each is scored against the rest", *absence_notes(names, occurs)],
    )


class OverlappingMetric(ConfusionMetric):
    """Sums the confusion matrix of each class over batches and processes; `compute` returns the Scores.

    Args:
        class_table: The classes, which overlap, and the ignored value.

    Example:
        >>> table = ClassTable(("wet", "cracked"), ((0, 0, 200), (200, 0, 0)), overlapping=True)
        >>> metric = OverlappingMetric(table)
        >>> metric.update(torch.tensor([[[[0, 1]], [[1, 1]]]]), torch.tensor([[[[0, 1]], [[1, 0]]]]))
        >>> metric.compute().per_class["iou"]
        {'wet': 1.0, 'cracked': 0.5}
    """

    def __init__(self, class_table: ClassTable) -> None:
        super().__init__(class_table, (len(class_table), 2, 3))

    def update(self, prediction: Integer[Tensor, "n classes h w"], mask: Integer[Tensor, "n classes h w"]) -> None:
        """Count a batch.

        Args:
            prediction: 1 where a class is present, 0 where it is absent, or the table's ignore_index for void, which
                counts as wrong.
            mask: The same; void is not counted.

        Raises:
            InputError: If there are other values.
        """
        pairs = zip(prediction.unbind(1), mask.unbind(1), strict=True)
        ignored = self.class_table.ignore_index
        self.confusion += torch.stack([confusion_matrix(*pair, classes=2, ignore_index=ignored) for pair in pairs])

    def compute(self) -> Scores:
        """The scores of everything counted so far, in all processes."""
        return overlapping_scores(self.confusion, self.class_table)


def metric_of(class_table: ClassTable) -> SegmentationMetric | OverlappingMetric:
    """The metric of a data set with these classes."""
    return OverlappingMetric(class_table) if class_table.overlapping else SegmentationMetric(class_table)
