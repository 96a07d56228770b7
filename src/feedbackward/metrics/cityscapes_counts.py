"""The counts of an image that the Cityscapes scores are computed from: a confusion matrix and weighted instance hits.

Counts of images, batches and processes are summed; cityscapes_scores turns the sum into scores. The rules are
those of the official evaluator (cityscapesScripts, evalPixelLevelSemanticLabeling).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float64, Int64, Integer
from torch import Tensor

from feedbackward.data.cityscapes_labels import LABELS, MEAN_INSTANCE_SIZE
from feedbackward.errors import InputError
from feedbackward.metrics.functional import check_values
from feedbackward.metrics.runs import constant_runs, sum_at

SIZE = (1024, 2048)
"""Height and width at which the benchmark measured the mean instance sizes that weight the iIoU."""

_IDS = len(LABELS)
_FIRST_INSTANCE = 1001  # smaller values of an instance map are the label ids of stuff and of groups
_PREDICTION_HINT = "write label ids (road 7, sidewalk 8, ...); 255 is void in train ids, not here"


class CityscapesCounts(NamedTuple):
    """Sums over images, by label id.

    Args:
        confusion: Pixels by true label id (row) and predicted label id (column), ignored labels included.
        instances: Instances in the ground truth.
        class_hits: Sum over all instances of the pixels predicted as the instance's class, times the mean size of
            an instance of that class divided by the size of this instance.
        category_hits: The same for pixels predicted as any label of the class's category.
        other_sizes: Images that are not 1024x2048.
    """

    confusion: Int64[Tensor, "34 34"]
    instances: Int64[Tensor, "34"]
    class_hits: Float64[Tensor, "34"]
    category_hits: Float64[Tensor, "34"]
    other_sizes: Int64[Tensor, ""]


def count_nothing() -> CityscapesCounts:
    """Counts of zero, to start a sum with."""
    return CityscapesCounts(
        confusion=torch.zeros(_IDS, _IDS, dtype=torch.int64),
        instances=torch.zeros(_IDS, dtype=torch.int64),
        class_hits=torch.zeros(_IDS, dtype=torch.float64),
        category_hits=torch.zeros(_IDS, dtype=torch.float64),
        other_sizes=torch.zeros((), dtype=torch.int64),
    )


def count_image(
    prediction: Integer[Tensor, "h w"],
    label_ids: Integer[Tensor, "h w"],
    instance_ids: Integer[Tensor, "h w"],
) -> CityscapesCounts:
    """Count one image.

    Args:
        prediction: Predicted label ids, 0 to 33.
        label_ids: True label ids, 0 to 33.
        instance_ids: label id * 1000 + number for an instance, the label id for stuff and for groups; in 32
            bits or more.

    Returns:
        The counts, on the device of the inputs.

    Raises:
        InputError: If a value is not a label id, the instance map has too few bits, or it contains an instance of a
            class without instances.
    """
    if instance_ids.dtype in (torch.uint8, torch.int8, torch.int16):
        raise InputError(
            f"an instance map of type {instance_ids.dtype} cannot hold 33999, the highest instance id; "
            f"read the 16-bit *_gtFine_instanceIds.png files into int32"
        )
    (predicted, labels, instances), pixels = constant_runs(prediction, label_ids, instance_ids)
    predicted, labels, instances = predicted.long(), labels.long(), instances.long()
    _check_ids(predicted, "the prediction", _PREDICTION_HINT)
    _check_ids(labels, "the ground truth", "use the *_gtFine_labelIds.png files")
    check_values(instances, _IDS * 1000, "the instance map")
    confusion = sum_at(labels * _IDS + predicted, pixels, _IDS * _IDS).view(_IDS, _IDS)
    return CityscapesCounts(
        confusion,
        *_count_instances(predicted, instances, pixels),
        other_sizes=torch.tensor(int(tuple(label_ids.shape) != SIZE), device=confusion.device),
    )


def _check_ids(ids: Tensor, where: str, hint: str) -> None:
    try:
        check_values(ids, _IDS, where)
    except InputError as error:
        raise InputError(f"{error}, the label ids; {hint}") from error


def _count_instances(predicted: Tensor, ids: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The instances, class_hits and category_hits of the runs of one image."""
    is_instance = ids >= _FIRST_INSTANCE
    predicted, ids, pixels = predicted[is_instance], ids[is_instance], pixels[is_instance]
    weights, same_category = _weights_and_categories(ids.device)
    sizes = sum_at(ids, pixels, _IDS * 1000)
    class_pixels = sum_at(ids, pixels * (predicted == ids // 1000), _IDS * 1000)
    category_pixels = sum_at(ids, pixels * same_category[ids // 1000, predicted], _IDS * 1000)

    found = sizes.nonzero().squeeze(1)
    labels = found // 1000
    _check_instance_labels(found[weights[labels].isnan()])
    weight = weights[labels] / sizes[found]
    return (
        torch.bincount(labels, minlength=_IDS),
        sum_at(labels, class_pixels[found] * weight, _IDS),
        sum_at(labels, category_pixels[found] * weight, _IDS),
    )


def _weights_and_categories(device: torch.device) -> tuple[Tensor, Tensor]:
    """The mean instance size by label id, and a matrix of which label ids share a category.

    The size is 0 for ignored labels, whose instances are skipped, and nan for classes without instances.
    """
    weights = [MEAN_INSTANCE_SIZE.get(label.id, torch.nan if label.evaluated else 0.0) for label in LABELS]
    same_category = [[a.category == b.category for b in LABELS] for a in LABELS]
    return torch.tensor(weights, dtype=torch.float64, device=device), torch.tensor(same_category, device=device)


def _check_instance_labels(ids: Tensor) -> None:
    if ids.numel():
        value = int(ids[0])
        raise InputError(
            f"the instance map contains the value {value}, an instance of {LABELS[value // 1000].name!r}, which "
            f"has no instances; use the *_gtFine_instanceIds.png files"
        )
