"""An encoder's own classifier, on the features that a segmentation network computes anyway."""

import copy
import os
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.models.encoder import IMAGENET, create_encoder
from feedbackward.models.feedbackward import Feedbackward


class ImageClassifier(nn.Module):
    """The classes of whole images, such as ImageNet's, from the last feature of a network's encoder.

    Args:
        network: A network with the same encoder, and the same weights of it.
        weights: timm's pretrained weights, "imagenet", or a file with the encoder and its classifier.

    Raises:
        InputError: If the weights are not available or have no classifier, or the features of the network are not those
            that the classifier reads, as with other norms or retrace="stages".
    """

    def __init__(self, network: Feedbackward, *, weights: str | os.PathLike[str] = IMAGENET) -> None:
        super().__init__()
        name = network.config["encoder_name"]
        channels = network.config["in_channels"]
        model: Any = create_encoder(name, weights=weights, in_channels=channels, classifier=True).eval()
        generator = torch.Generator().manual_seed(0)
        image = torch.rand(1, channels, *network.sizes.padded((64, 64)), generator=generator)
        encoder = copy.deepcopy(network.encoder).eval()
        with torch.no_grad():
            features = encoder(image)
            expected = model(image)
            found = model.forward_head(features) if features.shape == model.forward_features(image).shape else None
        if found is None or not torch.allclose(found, expected, rtol=1e-3, atol=1e-4):
            raise InputError(
                f"the classifier of {name} does not read what this network's encoder computes, which has other norms "
                f'or weights, or lacks its last layer (retrace="stages"); omit the classifier'
            )
        self.model = model

    def share(self, encoder: nn.Module) -> None:
        """Take the encoder's parameters in place of equal ones of its own, so that they are stored once."""
        for path, parameter in encoder.named_parameters():
            parent, _, own = path.rpartition(".")
            setattr(self.model.get_submodule(parent), own, parameter)

    def forward(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """Compute the logits of whole images."""
        model: Any = self.model
        logits: Tensor = model.forward_head(features)
        return logits
