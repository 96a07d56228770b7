"""Scores of a data set with plain classes: mean IoU, pixel accuracy and mean accuracy.

torchmetrics' own segmentation MeanIoU is a mean over images; this one is the IoU of the whole data set, as in
Pascal VOC and Cityscapes.
"""

import torch
from jaxtyping import Int64, Integer
from torch import Tensor
from torchmetrics import Metric

from feedbackward.classes import ClassTable
from feedbackward.metrics.functional import (
    accuracy_per_class,
    confusion_matrix,
    iou_per_class,
    pixel_accuracy,
)


def segmentation_scores(confusion: Int64[Tensor, "classes classes"]) -> dict[str, Tensor]:
    """All scores of a confusion matrix.

    Returns:
        mean_iou, pixel_accuracy and mean_accuracy as scalars, iou and accuracy per class (all float64, from 0
        to 1, nan where undefined), and the confusion matrix itself.
    """
    iou, accuracy = iou_per_class(confusion), accuracy_per_class(confusion)
    return {
        "mean_iou": iou.nanmean(),
        "pixel_accuracy": pixel_accuracy(confusion),
        "mean_accuracy": accuracy.nanmean(),
        "iou": iou,
        "accuracy": accuracy,
        "confusion": confusion,
    }


class SegmentationScores(Metric):
    """Sums the confusion matrix over batches and processes; compute gives segmentation_scores.

    Args:
        class_table: The classes and the ignored value.

    Example:
        >>> scores = SegmentationScores(ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180))))
        >>> scores.update(torch.tensor([[[0, 1]]]), torch.tensor([[[0, 255]]]))
        >>> scores.compute()["pixel_accuracy"].item()
        1.0
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    confusion: Tensor

    def __init__(self, class_table: ClassTable) -> None:
        super().__init__()
        self.class_table = class_table
        classes = len(class_table)
        self.add_state("confusion", torch.zeros(classes, classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Integer[Tensor, "n h w"], mask: Integer[Tensor, "n h w"]) -> None:
        """Count a batch.

        Args:
            prediction: Class indices.
            mask: Class indices, or the table's ignore_index for void.

        Raises:
            InputError: If a value is no class.
        """
        table = self.class_table
        self.confusion += confusion_matrix(prediction, mask, classes=len(table), ignore_index=table.ignore_index)

    def compute(self) -> dict[str, Tensor]:
        """The scores of everything counted so far, in all processes."""
        return segmentation_scores(self.confusion)
