"""The four Cityscapes scores and their parts, from the counts of a data set.

IoU = TP / (TP + FP + FN) over all pixels, where FP counts only pixels that are evaluated; in iIoU the pixels
of an instance are weighted by the mean instance size of its class over its own (Cordts et al., 2016).
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from jaxtyping import Int64
from torch import Tensor

from feedbackward.data.cityscapes_labels import CATEGORIES, EVALUATED, LABELS, MEAN_INSTANCE_SIZE, Label
from feedbackward.metrics.cityscapes_counts import CityscapesCounts

_EVALUATED_IDS = [label.id for label in EVALUATED]


class CityscapesResult(NamedTuple):
    """Scores from 0 to 1; nan where nothing defines them, and means leave nan out.

    Args:
        iou_class: Mean of class_iou.
        iiou_class: Mean of class_iiou.
        iou_category: Mean of category_iou.
        iiou_category: Mean of category_iiou.
        class_iou: By name of the 19 evaluated classes.
        class_iiou: The same; nan for the 11 classes without instances.
        category_iou: By name of the 7 categories with evaluated classes.
        category_iiou: The same; nan for categories other than human and vehicle.
        confusion: Pixels by true (row) and predicted (column) label id, ignored ones included.
        priors: By name of all 34 labels, its part of the ground truth.
    """

    iou_class: float
    iiou_class: float
    iou_category: float
    iiou_category: float
    class_iou: dict[str, float]
    class_iiou: dict[str, float]
    category_iou: dict[str, float]
    category_iiou: dict[str, float]
    confusion: Int64[Tensor, "34 34"]
    priors: dict[str, float]

    def to_official(self) -> dict[str, Any]:
        """Plain data with the keys of the official result file, which lists all labels and categories."""
        names = [label.name for label in LABELS]
        return {
            "averageScoreClasses": self.iou_class,
            "averageScoreInstClasses": self.iiou_class,
            "averageScoreCategories": self.iou_category,
            "averageScoreInstCategories": self.iiou_category,
            "classScores": {name: self.class_iou.get(name, math.nan) for name in names},
            "classInstScores": {name: self.class_iiou.get(name, math.nan) for name in names},
            "categoryScores": {name: self.category_iou.get(name, math.nan) for name in CATEGORIES},
            "categoryInstScores": {name: self.category_iiou.get(name, math.nan) for name in CATEGORIES},
            "confMatrix": self.confusion.tolist(),
            "labels": {label.name: label.id for label in LABELS},
            "priors": dict(self.priors),
        }


def cityscapes_result(counts: CityscapesCounts) -> CityscapesResult:
    """The scores of a data set."""
    confusion = counts.confusion.cpu()
    class_iou = {label.name: _iou(confusion, [label.id]) for label in EVALUATED}
    class_iiou = {
        label.name: _iiou(counts, confusion, members=[label], predicted=[label], hits=counts.class_hits)
        for label in EVALUATED
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
    return CityscapesResult(
        iou_class=_mean(class_iou.values()),
        iiou_class=_mean(class_iiou.values()),
        iou_category=_mean(category_iou.values()),
        iiou_category=_mean(category_iiou.values()),
        class_iou=class_iou,
        class_iiou=class_iiou,
        category_iou=category_iou,
        category_iiou=category_iiou,
        confusion=confusion,
        priors={label.name: _ratio(int(confusion[label.id].sum()), int(confusion.sum())) for label in LABELS},
    )


def _iou(confusion: Tensor, ids: list[int]) -> float:
    hits = int(confusion[ids][:, ids].sum())
    true_pixels = int(confusion[ids].sum())
    return _ratio(hits, true_pixels + _false_positives(confusion, ids, ids))


def _iiou(
    counts: CityscapesCounts, confusion: Tensor, *, members: list[Label], predicted: list[Label], hits: Tensor
) -> float:
    """The iIoU of the classes `members`, for which a prediction of any label in `predicted` is a hit."""
    if not all(label.has_instances for label in members):
        return math.nan
    ids = [label.id for label in members]
    # All pixels of an instance, hit or missed, weigh as much together as an instance of mean size.
    weighted_pixels = sum(int(counts.instances[id_]) * MEAN_INSTANCE_SIZE[id_] for id_ in ids)
    false_positives = _false_positives(confusion, ids, [label.id for label in predicted])
    return _ratio(sum(float(hits[id_]) for id_ in ids), weighted_pixels + false_positives)


def _false_positives(confusion: Tensor, ids: list[int], predicted: list[int]) -> int:
    """Evaluated pixels of other classes than `ids` that are predicted as one of `predicted`."""
    others = [id_ for id_ in _EVALUATED_IDS if id_ not in ids]
    return int(confusion[others][:, predicted].sum())


def _ratio(part: float | int, whole: float | int) -> float:
    return part / whole if whole else math.nan


def _mean(scores: Iterable[float]) -> float:
    defined = [score for score in scores if not math.isnan(score)]
    return _ratio(sum(defined), len(defined))
