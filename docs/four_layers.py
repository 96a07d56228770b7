"""The encoder of four layers that docs/images/forward_and_back.svg shows."""

from itertools import pairwise

from torch import Tensor, nn


class FourLayers(nn.Module):
    """Four convolutions, each of which halves the resolution."""

    def __init__(self) -> None:
        super().__init__()
        channels = (3, 16, 32, 64, 128)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.ReLU())
                for before, after in pairwise(channels)
            )
        )

    def forward_features(self, image: Tensor) -> Tensor:
        """Features (N, 128, H/16, W/16) of images (N, 3, H, W)."""
        return self.layers(image)
