"""Networks: from an encoder's name to logits."""

from feedbackward.models.catalogue import list_encoders
from feedbackward.models.encoder import Normalization, create_encoder
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.registry import MODELS, create_model, from_pretrained, list_models

__all__ = [
    "MODELS",
    "Feedbackward",
    "Normalization",
    "SegmentationNetwork",
    "create_encoder",
    "create_model",
    "from_pretrained",
    "list_encoders",
    "list_models",
]
