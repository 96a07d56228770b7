"""Prediction with trained networks: loading them, images of any size, the files that come out."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.segmenters.loading import load_any as load_any
    from feedbackward.segmenters.loading import load_network as load_network
    from feedbackward.segmenters.predictor import Predictor as Predictor
    from feedbackward.segmenters.predictor import choose_device as choose_device

_MODULES = {
    "Predictor": "predictor",
    "choose_device": "predictor",
    "load_any": "loading",
    "load_network": "loading",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
