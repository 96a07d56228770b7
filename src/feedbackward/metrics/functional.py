"""The confusion matrix of a segmentation and the scores computed from it.

Rows are the ground truth; columns are the predictions, with void as the last one. Scores are those of a whole data set:
the matrices of its images are summed first. A class with a zero denominator scores nan, and means leave nan out.
"""

from collections.abc import Sequence

from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed
from feedbackward.metrics.runs import constant_runs, sum_at
from feedbackward.metrics.scores import ByName, Scores, mean


def confusion_matrix(
    prediction: Integer[Tensor, "n h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    classes: int,
    ignore_index: int = 255,
) -> Int64[Tensor, "{classes} {classes}+1"]:
    """Count the pixels of each pair of true and predicted class, without those whose truth is void.

    Args:
        prediction: Class indices, or ignore_index for void; where the mask is void any value is allowed.
        mask: Class indices, or ignore_index for void.
        classes: Number of classes.
        ignore_index: The value of void pixels.

    Returns:
        Pixels by true class (row) and predicted class (column); the last column counts predictions of void.

    Raises:
        InputError: If a value is not a class index.

    Example:
        >>> import torch
        >>> confusion_matrix(torch.tensor([[[0, 1, 255]]]), torch.tensor([[[1, 1, 1]]]), classes=2)
        tensor([[0, 0, 0],
                [1, 1, 1]])
    """
    (predicted, truth), pixels = constant_runs(prediction, mask)
    valid = truth != ignore_index
    predicted, truth, pixels = predicted[valid].long(), truth[valid].long(), pixels[valid]
    check_values(truth, classes, "the ground truth")
    is_void = predicted == ignore_index
    check_values(predicted[~is_void], classes, "the prediction")
    codes = truth * (classes + 1) + predicted.masked_fill(is_void, classes)
    return sum_at(codes, pixels, classes * (classes + 1)).view(classes, classes + 1)


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


def iou_per_class(confusion: Int64[Tensor, "classes columns"]) -> Float64[Tensor, " classes"]:
    """Intersection over union of each class; nan where it is neither in the ground truth nor predicted."""
    hits = confusion.diagonal()
    return hits.double() / (_true(confusion) + _predicted(confusion) - hits)


def dice_per_class(confusion: Int64[Tensor, "classes columns"]) -> Float64[Tensor, " classes"]:
    """Dice coefficient of each class, which is its F1 score over all pixels; nan where the IoU is nan."""
    return 2 * confusion.diagonal().double() / (_true(confusion) + _predicted(confusion))


def precision_per_class(confusion: Int64[Tensor, "classes columns"]) -> Float64[Tensor, " classes"]:
    """The fraction of the pixels predicted as each class that belong to it; nan where it is not predicted."""
    return confusion.diagonal().double() / _predicted(confusion)


def accuracy_per_class(confusion: Int64[Tensor, "classes columns"]) -> Float64[Tensor, " classes"]:
    """The fraction of the pixels of each class that are predicted correctly, its recall; nan where there are none."""
    return confusion.diagonal().double() / _true(confusion)


def pixel_accuracy(confusion: Int64[Tensor, "classes columns"]) -> Float64[Tensor, ""]:
    """The fraction of all pixels that are predicted correctly; nan if there are none."""
    return confusion.diagonal().sum().double() / confusion.sum()


def segmentation_scores(confusion: Int64[Tensor, "classes columns"], class_table: ClassTable) -> Scores:
    """The scores of a confusion matrix.

    Args:
        confusion: Pixels by true class (row) and predicted class (column), with void as the last column.
        class_table: The classes.
    """
    names = list(class_table.names)
    per_class = {
        name: dict(zip(names, score(confusion).tolist(), strict=True))
        for name, score in (
            ("iou", iou_per_class),
            ("dice", dice_per_class),
            ("precision", precision_per_class),
            ("accuracy", accuracy_per_class),
        )
    }
    return Scores(
        scalars=scalars_of(per_class, float(pixel_accuracy(confusion))),
        per_class=per_class,
        confusion=confusion[:, :-1].tolist(),
        predicted_void=confusion[:, -1].tolist(),
        names=names,
        notes=_notes(confusion, names),
    )


def scalars_of(per_class: ByName, accuracy: float) -> dict[str, float]:
    """The means over the classes, with the pixel accuracy between them."""
    return {
        "mean_iou": mean(per_class["iou"].values()),
        "mean_dice": mean(per_class["dice"].values()),
        "pixel_accuracy": accuracy,
        "mean_precision": mean(per_class["precision"].values()),
        "mean_accuracy": mean(per_class["accuracy"].values()),
    }


def absence_notes(names: Sequence[str], occurs: Sequence[bool]) -> list[str]:
    """A note about the classes without a score, if there are any."""
    absent = [name for name, there in zip(names, occurs, strict=True) if not there]
    if not absent:
        return []
    return [
        f"{len(absent)} of {len(names)} classes are neither in the ground truth nor predicted, have no score and are "
        f"left out of the means: {listed(absent, most=5)}"
    ]


def _true(confusion: Tensor) -> Tensor:
    return confusion.sum(1)


def _predicted(confusion: Tensor) -> Tensor:
    return confusion[:, :-1].sum(0)


def _notes(confusion: Tensor, names: list[str]) -> list[str]:
    notes = []
    if len(names) == 1:
        notes.append(
            "with one class every pixel that counts belongs to it, so that any network scores 100; give the rest a "
            "class of its own"
        )
    notes += absence_notes(names, (_true(confusion) + _predicted(confusion) > 0).tolist())
    void = int(confusion[:, -1].sum())
    if void:
        notes.append(
            f"{void} of {int(confusion.sum())} pixels are predicted as void, or as a class that is not scored: they "
            f"count as misses of their class"
        )
    return notes
