"""Scores of segmentations: plain classes, and Cityscapes' IoU and iIoU as its own evaluator has them."""

from feedbackward.metrics.cityscapes import CityscapesScores
from feedbackward.metrics.cityscapes_result import CityscapesResult
from feedbackward.metrics.functional import confusion_matrix
from feedbackward.metrics.segmentation import SegmentationScores

__all__ = ["CityscapesResult", "CityscapesScores", "SegmentationScores", "confusion_matrix"]
