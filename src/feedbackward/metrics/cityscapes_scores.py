"""The Cityscapes scores of a data set, from its counts.

IoU = TP / (TP + FP + FN) over all pixels, where FP counts evaluated pixels only; in iIoU the pixels of an instance
are weighted by the mean instance size of its class divided by its own size (Cordts et al., 2016).
"""

import math

from torch import Tensor

from feedbackward.data.cityscapes_labels import CATEGORIES, EVALUATED, LABELS, MEAN_INSTANCE_SIZE, Label
from feedbackward.metrics.cityscapes_counts import CityscapesCounts
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
    class_iou = {name: _iou(confusion, [label.id]) for name, label in classes.items()}
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
    hits = [int(confusion[id_, id_]) for id_ in _EVALUATED_IDS]
    pixels = [int(confusion[id_].sum()) for id_ in _EVALUATED_IDS]  # predictions of ignored labels included
    accuracy = {name: ratio(hit, of) for name, hit, of in zip(classes, hits, pixels, strict=True)}
    return Scores(
        scalars={
            "mean_iou": mean(class_iou.values()),
            "pixel_accuracy": ratio(sum(hits), sum(pixels)),
            "mean_accuracy": mean(accuracy.values()),
            "iiou_class": mean(class_iiou.values()),
            "iou_category": mean(category_iou.values()),
            "iiou_category": mean(category_iiou.values()),
        },
        per_class={"iou": class_iou, "accuracy": accuracy, "iiou": class_iiou},
        per_category={"iou": category_iou, "iiou": category_iiou},
        confusion=confusion[_EVALUATED_IDS][:, _EVALUATED_IDS].tolist(),
        label_confusion=confusion.tolist(),
        names=list(classes),
        notes=[IIOU_NOTE] if counts.other_sizes else [],
    )


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
