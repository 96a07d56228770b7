"""A VGG that is small enough for tests, registered in timm under its own name."""

from typing import Any

from timm.models import build_model_with_cfg, register_model
from timm.models.vgg import VGG, ConvMlp, cfgs


class NarrowVGG(VGG):
    """A VGG-11 of an eighth of its width; its fully connected layers have 64 channels instead of 4096."""

    def __init__(self, **options: Any) -> None:
        super().__init__([width if width == "M" else width // 8 for width in cfgs["vgg11"]], **options)
        self.pre_logits = ConvMlp(64, 64, 7)


@register_model
def vgg11_narrow(pretrained: bool = False, **options: Any) -> VGG:
    """Build it as timm builds its own."""
    return build_model_with_cfg(NarrowVGG, "vgg11_narrow", pretrained, **options)
