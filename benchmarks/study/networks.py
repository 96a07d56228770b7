"""Networks that only the study has: narrow VGGs, the peers of another library, and changed ways back.

Importing this file registers them: the encoders in timm, the networks in feedbackward.models.MODELS.
"""

from typing import Any

import decoder_variants  # noqa: F401  (it registers them)
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vgg import VGG, ConvMlp, cfgs
from torch import nn

from feedbackward.benchmark.peers import IMAGENET, SmpNetwork
from feedbackward.models import MODELS

WIDTH = 4
"""By how much the narrow VGGs are narrower than VGG-16, fully connected layers included."""


default_cfgs = generate_default_cfgs(
    {
        name: {"mean": IMAGENET.mean, "std": IMAGENET.std, "first_conv": "features.0", "classifier": "head.fc"}
        for name in ("vgg16_quarter", "vgg16_bn_quarter")
    }
)
"""Found here by register_model."""


class NarrowVGG(VGG):
    """VGG-16 at a quarter of its width."""

    def __init__(self, **options: Any) -> None:
        super().__init__([width if width == "M" else width // WIDTH for width in cfgs["vgg16"]], **options)
        self.pre_logits = ConvMlp(512 // WIDTH, 4096 // WIDTH, 7)
        self._initialize_weights()


@register_model
def vgg16_quarter(pretrained: bool = False, **options: Any) -> VGG:
    """VGG-16 at a quarter of its width."""
    return build_model_with_cfg(NarrowVGG, "vgg16_quarter", pretrained, **options)


@register_model
def vgg16_bn_quarter(pretrained: bool = False, **options: Any) -> VGG:
    """The same with batch norms."""
    return build_model_with_cfg(NarrowVGG, "vgg16_bn_quarter", pretrained, norm_layer=nn.BatchNorm2d, **options)


MODELS["smp"] = SmpNetwork
