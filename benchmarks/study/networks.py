"""Networks only for the study: those of segmentation_models_pytorch, and ablations of the decoder.

Importing this module registers them under the names of create_model and of saved networks.
"""

from functools import partial
from typing import Any

import decoder_variants  # noqa: F401  (registers them)
from safetensors.torch import load_file
from torch import nn

from feedbackward.benchmark.peers import SmpNetwork
from feedbackward.models import SegmentationNetwork
from feedbackward.models.builders import MODELS, NETWORKS

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


def _from_convolutions(name: str, *, encoder_weights: str | None, **options: Any) -> SegmentationNetwork:
    """FCN-8s or DeepLab-LargeFOV from a file with the convolutions of its VGG-16 alone: fc6 and fc7 start at random.

    Without a file all do, as for a checkpoint that is loaded afterwards.
    """
    network = MODELS[name](encoder_weights=None, **options)
    if encoder_weights is None:
        return network
    tensors = load_file(encoder_weights)
    layers = [layer for layer in network.encoder.modules() if isinstance(layer, nn.Conv2d)]
    paths = sorted({name.rpartition(".")[0] for name in tensors}, key=lambda path: int(path.split(".")[1]))
    for layer, path in zip(layers, paths, strict=True):
        layer.load_state_dict({kind: tensors[f"{path}.{kind}"] for kind in ("weight", "bias")})
    return network


for _name in ("fcn8s", "deeplab_largefov"):
    MODELS[f"{_name}_convolutions"] = partial(_from_convolutions, _name)
