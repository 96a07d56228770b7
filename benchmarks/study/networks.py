"""Networks that only the study has: narrow VGGs, the peers of another library, and changed ways back.

Importing this file registers them: the encoders in timm, the networks in feedbackward.models.MODELS.
"""

from typing import Any

import segmentation_models_pytorch as smp
import ways_back  # noqa: F401  (it registers them)
from jaxtyping import Float
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vgg import VGG, ConvMlp, cfgs
from torch import Tensor, nn

from feedbackward.models import MODELS, Normalization, SegmentationNetwork
from feedbackward.nn import pad_to

WIDTH = 4
"""By how much the narrow VGGs are narrower than VGG-16, fully connected layers included."""
STRIDE = 32
"""The peers take images whose sides are multiples of this."""
IMAGENET = Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


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


class Peer(SegmentationNetwork):
    """A network of segmentation_models_pytorch.

    Args:
        architecture: Its class there, such as Unet, FPN or DeepLabV3Plus.
        encoder_name: The encoder's name there.
        encoder_weights: "imagenet" or None.
        in_channels: The channels of the image.
        classes: The number of classes.
    """

    def __init__(
        self,
        architecture: str,
        encoder_name: str,
        *,
        encoder_weights: str | None = "imagenet",
        in_channels: int = 3,
        classes: int = 19,
    ) -> None:
        super().__init__(
            config={
                "model": "smp",
                "architecture": architecture,
                "encoder_name": encoder_name,
                "encoder_weights": None,
                "in_channels": in_channels,
                "classes": classes,
            },
            normalization=IMAGENET,
        )
        build = getattr(smp, architecture)
        self.network = build(encoder_name, encoder_weights=encoder_weights, in_channels=in_channels, classes=classes)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """Score every pixel, of an image that is padded to what the network takes."""
        height, width = image.shape[-2:]
        padded = pad_to(image, (height + -height % STRIDE, width + -width % STRIDE))
        return self.network(padded)[..., :height, :width]


MODELS["smp"] = Peer
