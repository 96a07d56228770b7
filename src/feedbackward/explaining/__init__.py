"""Explanations of predictions: signals, skip connections, Grad-CAM, calibration, disagreement, and a page of them."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.explaining.activation_maps import grad_cam as grad_cam
    from feedbackward.explaining.depths import Depth as Depth
    from feedbackward.explaining.depths import signals as signals
    from feedbackward.explaining.differences import Disagreement as Disagreement
    from feedbackward.explaining.differences import disagreement as disagreement
    from feedbackward.explaining.explanation import Explanation as Explanation
    from feedbackward.explaining.explanation import PixelExplanation as PixelExplanation
    from feedbackward.explaining.explanation import explain_pixel as explain_pixel
    from feedbackward.explaining.reliability import Calibration as Calibration
    from feedbackward.explaining.reliability import calibrate as calibrate
    from feedbackward.explaining.reliability import calibration as calibration
    from feedbackward.explaining.skips import SkipEffect as SkipEffect
    from feedbackward.explaining.skips import skip_effects as skip_effects

_MODULES = {
    "Calibration": "reliability",
    "Depth": "depths",
    "Disagreement": "differences",
    "Explanation": "explanation",
    "PixelExplanation": "explanation",
    "SkipEffect": "skips",
    "calibrate": "reliability",
    "calibration": "reliability",
    "disagreement": "differences",
    "explain_pixel": "explanation",
    "grad_cam": "activation_maps",
    "signals": "depths",
    "skip_effects": "skips",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
