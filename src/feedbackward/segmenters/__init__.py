"""Everything that segments images: the protocol, its wrappers, and prediction from images to files."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.segmenters.normalized import Normalized as Normalized
    from feedbackward.segmenters.polygons import Polygon as Polygon
    from feedbackward.segmenters.predictor import Predictor as Predictor
    from feedbackward.segmenters.predictor import TaskPredictor as TaskPredictor
    from feedbackward.segmenters.refined import Refined as Refined
    from feedbackward.segmenters.result import Result as Result
    from feedbackward.segmenters.segmenter import Segmenter as Segmenter
    from feedbackward.segmenters.thresholds import apply_thresholds as apply_thresholds

_MODULES = {
    "Normalized": "normalized",
    "Polygon": "polygons",
    "Predictor": "predictor",
    "Refined": "refined",
    "Result": "result",
    "Segmenter": "segmenter",
    "TaskPredictor": "predictor",
    "apply_thresholds": "thresholds",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
