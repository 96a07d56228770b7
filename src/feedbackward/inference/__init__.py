"""Prediction with trained networks: loading them, images of any size, the files that come out."""

from feedbackward.inference.loading import load_any, load_network
from feedbackward.inference.predictor import Predictor, choose_device
from feedbackward.models.optimized import OptimizedNetwork, optimize

__all__ = ["OptimizedNetwork", "Predictor", "choose_device", "load_any", "load_network", "optimize"]
