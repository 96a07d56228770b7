"""The encoder of five nodes that docs/transform.md transposes."""

from torch import Tensor, nn


class FiveNodes(nn.Module):
    """A strided convolution, an activation and a residual branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.act = nn.ReLU()
        self.branch = nn.Conv2d(8, 8, 3, padding=1)

    def forward_features(self, image: Tensor) -> Tensor:
        """Features (N, 8, H/2, W/2) of images (N, 3, H, W)."""
        x = self.act(self.stem(image))
        return x + self.branch(x)
