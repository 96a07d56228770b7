"""The networks that the paper compares with, on timm's VGGs."""

from feedbackward.models.baselines.deeplab_largefov import DeepLabLargeFOV
from feedbackward.models.baselines.fcn8s import FCN8s
from feedbackward.models.baselines.segnet import SegNet

__all__ = ["DeepLabLargeFOV", "FCN8s", "SegNet"]
