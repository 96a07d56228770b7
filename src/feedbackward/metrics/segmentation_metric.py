"""Scores of a data set with plain classes: IoU, Dice, precision and accuracy, by class and as means.

torchmetrics' own segmentation MeanIoU is a mean over images; this is the IoU of the whole data set, as in Pascal VOC
and Cityscapes.
"""

from jaxtyping import Integer
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.metrics.confusion_metric import ConfusionMetric
from feedbackward.metrics.functional import confusion_matrix, segmentation_scores
from feedbackward.metrics.scores import Scores


class SegmentationMetric(ConfusionMetric):
    """Sums the confusion matrix over batches and processes; `compute` returns the Scores.

    Args:
        class_table: The classes and the ignored value.

    Example:
        >>> import torch
        >>> metric = SegmentationMetric(ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180))))
        >>> metric.update(torch.tensor([[[0, 1]]]), torch.tensor([[[0, 255]]]))
        >>> metric.compute().scalars["pixel_accuracy"]
        1.0
    """

    def __init__(self, class_table: ClassTable) -> None:
        super().__init__(class_table, (len(class_table), len(class_table) + 1))

    def update(self, prediction: Integer[Tensor, "n h w"], mask: Integer[Tensor, "n h w"]) -> None:
        """Count a batch.

        Args:
            prediction: Class indices, or the table's ignore_index for void, which counts as a miss.
            mask: Class indices, or the table's ignore_index for void.

        Raises:
            InputError: If a value is not a class index.
        """
        table = self.class_table
        self.confusion += confusion_matrix(prediction, mask, classes=len(table), ignore_index=table.ignore_index)

    def compute(self) -> Scores:
        """The scores of everything counted so far, in all processes."""
        return segmentation_scores(self.confusion, self.class_table)
