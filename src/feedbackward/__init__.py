"""Feedbackward decoding: any convnet, walked backward with its own weights, is its own segmentation decoder."""

from feedbackward.errors import InputError
from feedbackward.models import Feedbackward, create_model, from_pretrained, list_models

__all__ = ["Feedbackward", "InputError", "create_model", "from_pretrained", "list_models"]
