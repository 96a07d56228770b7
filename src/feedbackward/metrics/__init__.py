"""Scores of segmentations.

- `Scores`: the scores of a data set, as a table, as JSON and as the official Cityscapes result file.
- `SegmentationMetric`: mean IoU, pixel accuracy and mean accuracy of any classes (a torchmetrics Metric).
- `OverlappingMetric`: those of classes that overlap, each against the rest.
- `CityscapesMetric`: those and the category and instance scores of Cityscapes.
- `confusion_matrix`, `segmentation_scores`: the functions behind the metrics.
- `score_files`: the scores of predictions in files.
"""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.metrics.cityscapes_metric import CityscapesMetric as CityscapesMetric
    from feedbackward.metrics.from_files import score_files as score_files
    from feedbackward.metrics.functional import confusion_matrix as confusion_matrix
    from feedbackward.metrics.functional import segmentation_scores as segmentation_scores
    from feedbackward.metrics.overlapping import OverlappingMetric as OverlappingMetric
    from feedbackward.metrics.scores import Scores as Scores
    from feedbackward.metrics.segmentation_metric import SegmentationMetric as SegmentationMetric

_MODULES = {
    "CityscapesMetric": "cityscapes_metric",
    "OverlappingMetric": "overlapping",
    "Scores": "scores",
    "SegmentationMetric": "segmentation_metric",
    "confusion_matrix": "functional",
    "score_files": "from_files",
    "segmentation_scores": "functional",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
