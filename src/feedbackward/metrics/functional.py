"""The confusion matrix of a segmentation and the scores that follow from it.

Rows are the ground truth, columns the predictions. Scores belong to a whole data set: matrices of images are
summed first. A class with a zero denominator scores nan, and means leave nan out.
"""

import torch
from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from feedbackward.errors import InputError


def confusion_matrix(
    prediction: Integer[Tensor, "n h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    classes: int,
    ignore_index: int = 255,
) -> Int64[Tensor, "{classes} {classes}"]:
    """Count the pixels of every pair of true and predicted class, void left out.

    Args:
        prediction: Class indices; any value is fine where the mask is void.
        mask: Class indices, or ignore_index for void.
        classes: How many classes there are.
        ignore_index: The mask value that never counts.

    Returns:
        Pixels by true class (row) and predicted class (column).

    Raises:
        InputError: If a value is no class.

    Example:
        >>> confusion_matrix(torch.tensor([[[0, 1]]]), torch.tensor([[[1, 1]]]), classes=2)
        tensor([[0, 0],
                [1, 1]])
    """
    valid = mask != ignore_index
    truth, predicted = mask[valid], prediction[valid]
    check_values(truth, classes, "the ground truth")
    check_values(predicted, classes, "the prediction")
    # int32 halves the memory traffic of int64, and bincount takes it as it is.
    codes = truth.to(torch.int32, copy=True).mul_(classes).add_(predicted)
    return torch.bincount(codes, minlength=classes * classes).view(classes, classes)


def check_values(values: Integer[Tensor, "..."], count: int, where: str) -> None:
    """Raise an InputError if a value is not in 0..count-1; `where` begins its message."""
    if values.numel() == 0:
        return
    low, high = (int(bound) for bound in values.aminmax())
    if low < 0 or high >= count:
        raise InputError(f"{where} holds the value {high if high >= count else low}, expected 0 to {count - 1}")


def iou_per_class(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, " classes"]:
    """Intersection over union of every class; nan where it is neither in the ground truth nor predicted."""
    hits = confusion.diagonal()
    return hits.double() / (confusion.sum(0) + confusion.sum(1) - hits)


def accuracy_per_class(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, " classes"]:
    """The part of every class's pixels that is predicted right; nan where it is not in the ground truth."""
    return confusion.diagonal().double() / confusion.sum(1)


def pixel_accuracy(confusion: Int64[Tensor, "classes classes"]) -> Float64[Tensor, ""]:
    """The part of all pixels that is predicted right; nan without pixels."""
    return confusion.diagonal().sum().double() / confusion.sum()
