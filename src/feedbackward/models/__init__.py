"""Networks: from an encoder's name to logits."""

from feedbackward.models.catalogue import list_encoders
from feedbackward.models.deeplab_largefov import DeepLabLargeFOV
from feedbackward.models.encoder import Normalization, create_encoder
from feedbackward.models.fcn8s import FCN8s
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.registry import MODELS, create_model, from_pretrained, list_models
from feedbackward.models.segnet import SegNet

__all__ = [
    "MODELS",
    "DeepLabLargeFOV",
    "FCN8s",
    "Feedbackward",
    "Normalization",
    "SegNet",
    "SegmentationNetwork",
    "create_encoder",
    "create_model",
    "from_pretrained",
    "list_encoders",
    "list_models",
]
