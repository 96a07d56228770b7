"""Networks only for the study: those of segmentation_models_pytorch, and ablations of the decoder.

Importing this module registers them under the names of create_model and of saved networks.
"""

from functools import partial
from typing import Any

import decoder_variants  # noqa: F401  (registers them)

from feedbackward.benchmark.peers import SmpNetwork
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
