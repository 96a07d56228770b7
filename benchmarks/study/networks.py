"""Networks only for the study: a narrow VGG, networks of segmentation_models_pytorch, and ablations of the decoder.

Importing this module registers the encoders in timm and the networks under the names of create_model and of saved
networks.
"""

from functools import partial
from typing import Any

import decoder_variants  # noqa: F401  (registers them)
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vgg import VGG, ConvMlp, cfgs

from feedbackward.benchmark.peers import IMAGENET, SmpNetwork
from feedbackward.models.builders import MODELS, NETWORKS

WIDTH = 4
"""The narrow VGG has this fraction of VGG-16's channels, in the fully connected layers too."""

default_cfgs = generate_default_cfgs(
    {
        "vgg16_quarter": {
            "mean": IMAGENET.mean,
            "std": IMAGENET.std,
            "first_conv": "features.0",
            "classifier": "head.fc",
        }
    }
)
"""register_model reads it."""


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


PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Unet": ("Unet", {}),
    "SmallUnet": ("Unet", {"decoder_channels": [64, 48, 32, 24, 16]}),
    "FPN": ("FPN", {}),
    "DeepLabV3Plus": ("DeepLabV3Plus", {}),
    "Segformer": ("Segformer", {"decoder_segmentation_channels": 128}),
    "SmallSegformer": ("Segformer", {"decoder_segmentation_channels": 64}),
}
"""Networks of segmentation_models_pytorch: class and options."""

for _name, (_architecture, _options) in PEERS.items():
    MODELS[f"smp/{_name}"] = partial(SmpNetwork, _architecture, **_options)
NETWORKS["smp"] = SmpNetwork
