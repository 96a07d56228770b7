"""The Cityscapes scores of a data set, from its counts.

IoU = TP / (TP + FP + FN) over all pixels, where FP counts evaluated pixels only; in iIoU the pixels of an instance
are weighted by the mean instance size of its class divided by its own size (Cordts et al., 2016).
"""

import math

import torch
from jaxtyping import Int64
from torch import Tensor

from feedbackward.data.cityscapes_labels import CATEGORIES, CITYSCAPES, EVALUATED, LABELS, MEAN_INSTANCE_SIZE, Label
from feedbackward.metrics.cityscapes_counts import CityscapesCounts
from feedbackward.metrics.functional import segmentation_scores
from feedbackward.metrics.scores import Scores, mean, ratio

_EVALUATED_IDS = [label.id for label in EVALUATED]


IIOU_NOTE = "iIoU is comparable only at 1024x2048"


def cityscapes_scores(counts: CityscapesCounts) -> Scores:
    """The scores of a data set.

    IoU is defined for the 19 evaluated classes and the 7 categories that contain one, iIoU for the 8 classes with
    instances and the categories human and vehicle; elsewhere it is nan.

    Args:
        counts: The sum over the images.
    """
    confusion = counts.confusion.cpu()
    classes = {label.name: label for label in EVALUATED}
    class_iiou = {
        name: _iiou(counts, confusion, members=[label], predicted=[label], hits=counts.class_hits)
        for name, label in classes.items()
    }
    category_iou, category_iiou = {}, {}
    for category in CATEGORIES:
        labels = [label for label in LABELS if label.category == category]
        evaluated = [label for label in labels if label.evaluated]
        if evaluated:
            category_iou[category] = _iou(confusion, [label.id for label in evaluated])
            category_iiou[category] = _iiou(
                counts, confusion, members=evaluated, predicted=labels, hits=counts.category_hits
            )
    scores = segmentation_scores(evaluated_confusion(confusion), CITYSCAPES)
    scores.scalars |= {
        "iiou_class": mean(class_iiou.values()),
        "iou_category": mean(category_iou.values()),
        "iiou_category": mean(category_iiou.values()),
    }
    scores.per_class["iiou"] = class_iiou
    scores.per_category = {"iou": category_iou, "iiou": category_iiou}
    scores.label_confusion = confusion.tolist()
    scores.notes += [IIOU_NOTE] if counts.other_sizes else []
    return scores


def evaluated_confusion(confusion: Int64[Tensor, "34 34"]) -> Int64[Tensor, "19 20"]:
    """The confusion matrix of the evaluated classes; its last column counts predictions of all other labels."""
    rows = confusion[_EVALUATED_IDS]
    others = rows.sum(1, keepdim=True) - rows[:, _EVALUATED_IDS].sum(1, keepdim=True)
    return torch.cat([rows[:, _EVALUATED_IDS], others], dim=1)


def _iou(confusion: Tensor, ids: list[int]) -> float:
    hits = int(confusion[ids][:, ids].sum())
    true_pixels = int(confusion[ids].sum())
    return ratio(hits, true_pixels + _false_positives(confusion, ids, ids))


def _iiou(
    counts: CityscapesCounts, confusion: Tensor, *, members: list[Label], predicted: list[Label], hits: Tensor
) -> float:
    """The iIoU of the classes `members`, for which a prediction of any label in `predicted` is a hit."""
    if not all(label.has_instances for label in members):
        return math.nan
    ids = [label.id for label in members]
    # The pixels of an instance, hit or missed, weigh together as much as an instance of mean size.
    weighted_pixels = sum(int(counts.instances[id_]) * MEAN_INSTANCE_SIZE[id_] for id_ in ids)
    false_positives = _false_positives(confusion, ids, [label.id for label in predicted])
    return ratio(sum(float(hits[id_]) for id_ in ids), weighted_pixels + false_positives)


def _false_positives(confusion: Tensor, ids: list[int], predicted: list[int]) -> int:
    """Evaluated pixels of classes other than `ids` that are predicted as one of `predicted`."""
    others = [id_ for id_ in _EVALUATED_IDS if id_ not in ids]
    return int(confusion[others][:, predicted].sum())
