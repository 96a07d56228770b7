"""Networks: from an encoder's name to logits."""

from feedbackward.models.baselines.deeplab_largefov import DeepLabLargeFOV
from feedbackward.models.baselines.fcn8s import FCN8s
from feedbackward.models.baselines.segnet import SegNet
from feedbackward.models.builders import MODELS, create_model, from_pretrained, list_models
from feedbackward.models.catalog import list_encoders
from feedbackward.models.encoder import Normalization, create_encoder
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import SegmentationNetwork

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
