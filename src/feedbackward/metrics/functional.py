"""The confusion matrix of a segmentation and the scores computed from it.

Rows are the ground truth, columns the predictions. Scores are those of a whole data set: the matrices of its images
are summed first. A class with a zero denominator scores nan, and means leave nan out.
"""

import torch
from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.metrics.scores import Scores


def confusion_matrix(
    prediction: Integer[Tensor, "n h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    classes: int,
    ignore_index: int = 255,
) -> Int64[Tensor, "{classes} {classes}"]:
    """Count the pixels of each pair of true and predicted class, without void.

    Args:
        prediction: Class indices; where the mask is void any value is allowed.
        mask: Class indices, or ignore_index for void.
        classes: Number of classes.
        ignore_index: The mask value of void pixels.

    Returns:
        Pixels by true class (row) and predicted class (column).

    Raises:
        InputError: If a value is not a class index.

    Example:
        >>> confusion_matrix(torch.tensor([[[0, 1]]]), torch.tensor([[[1, 1]]]), classes=2)
        tensor([[0, 0],
                [1, 1]])
    """
    valid = mask != ignore_index
    truth, predicted = mask[valid], prediction[valid]
    check_values(truth, classes, "the ground truth")
    check_values(predicted, classes, "the prediction")
    # int32 halves the memory traffic of int64, and bincount accepts it.
    codes = truth.to(torch.int32, copy=True).mul_(classes).add_(predicted)
    return torch.bincount(codes, minlength=classes * classes).view(classes, classes)


def check_values(values: Integer[Tensor, "..."], count: int, where: str) -> None:
    """Refuse values outside 0 to count - 1.

    Args:
        values: Integers of any shape.
        count: Number of allowed values.
        where: What contains the values; the message begins with it.

    Raises:
        InputError: If a value is outside.
    """
    if values.numel() == 0:
        return
    low, high = (int(bound) for bound in values.aminmax())
    if low < 0 or high >= count:
        raise InputError(f"{where} contains the value {high if high >= count else low}, expected 0 to {count - 1}")


def iou_per_class(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, " classes"]:
    """Intersection over union of each class; nan where it is neither in the ground truth nor predicted."""
    hits = confusion.diagonal()
    return hits.double() / (confusion.sum(0) + confusion.sum(1) - hits)


def accuracy_per_class(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, " classes"]:
    """The fraction of the pixels of each class that are predicted correctly; nan where the ground truth has none."""
    return confusion.diagonal().double() / confusion.sum(1)


def pixel_accuracy(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, ""]:
    """The fraction of all pixels that are predicted correctly; nan if there are none."""
    return confusion.diagonal().sum().double() / confusion.sum()


def segmentation_scores(confusion: Int64[Tensor, "classes classes"], class_table: ClassTable) -> Scores:
    """The scores of a confusion matrix.

    Args:
        confusion: Pixels by true class (row) and predicted class (column).
        class_table: The classes.
    """
    iou, accuracy = iou_per_class(confusion), accuracy_per_class(confusion)
    names = list(class_table.names)
    return Scores(
        scalars={
            "mean_iou": float(iou.nanmean()),
            "pixel_accuracy": float(pixel_accuracy(confusion)),
            "mean_accuracy": float(accuracy.nanmean()),
        },
        per_class={
            "iou": dict(zip(names, iou.tolist(), strict=True)),
            "accuracy": dict(zip(names, accuracy.tolist(), strict=True)),
        },
        confusion=confusion.tolist(),
        names=names,
    )
