"""Everything that segments images: the protocol, its wrappers, and prediction from images to files."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.segmenters.normalized import Normalized as Normalized
    from feedbackward.segmenters.predictor import Predictor as Predictor
    from feedbackward.segmenters.segmenter import Segmenter as Segmenter
    from feedbackward.segmenters.wrappers import Refined as Refined
    from feedbackward.segmenters.wrappers import Scaled as Scaled

_MODULES = {
    "Normalized": "normalized",
    "Predictor": "predictor",
    "Refined": "wrappers",
    "Scaled": "wrappers",
    "Segmenter": "segmenter",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
