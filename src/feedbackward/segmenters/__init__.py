"""Prediction with trained networks: loading them, images of any size, the files that come out."""

from feedbackward.models.optimized import OptimizedNetwork, optimize
from feedbackward.segmenters.loading import load_any, load_network
from feedbackward.segmenters.predictor import Predictor, choose_device

__all__ = ["OptimizedNetwork", "Predictor", "choose_device", "load_any", "load_network", "optimize"]
