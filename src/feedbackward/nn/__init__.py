"""Pure tensor functions of the method; they know no graph and no network."""

from feedbackward.nn.conv import same_conv2d
from feedbackward.nn.fusion import fuse
from feedbackward.nn.resize import pad_to_at_least, resize_logits, upsample_like
from feedbackward.nn.weights import permute_weight

__all__ = ["fuse", "pad_to_at_least", "permute_weight", "resize_logits", "same_conv2d", "upsample_like"]
