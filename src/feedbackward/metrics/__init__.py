"""Scores of segmentations: plain classes, and Cityscapes' IoU and iIoU as its own evaluator has them."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.metrics.cityscapes import CityscapesScores as CityscapesScores
    from feedbackward.metrics.cityscapes_result import CityscapesResult as CityscapesResult
    from feedbackward.metrics.functional import confusion_matrix as confusion_matrix
    from feedbackward.metrics.segmentation import SegmentationScores as SegmentationScores

_MODULES = {
    "CityscapesResult": "cityscapes_result",
    "CityscapesScores": "cityscapes",
    "SegmentationScores": "segmentation",
    "confusion_matrix": "functional",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
