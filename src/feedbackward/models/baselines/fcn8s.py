"""FCN-8s: a fully convolutional classifier, whose coarse logits are refined with those of two earlier pools.

"Fully Convolutional Networks for Semantic Segmentation" (Long, Shelhamer and Darrell, 2015).
"""

import os

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.models.baselines.vgg import convolutions, vgg_layers
from feedbackward.models.network import SegmentationNetwork


class FCN8s(SegmentationNetwork):
    """FCN-8s on a VGG, its fully connected layers included.

    The layers pad their own inputs with zeros, where the authors padded the image by 100 pixels and cropped the logits:
    the same weights, for images of any size.

    Args:
        encoder_name: One of timm's VGGs.
        encoder_weights: "imagenet", the path of a local file, or None (random), for the fully connected layers too.
        in_channels: The number of image channels.
        classes: The number of classes.

    Attributes:
        encoder: The VGG's blocks of convolutions.
        fc6, fc7: Its fully connected layers as convolutions, of 7x7 and 1x1.
        score_fr, score_pool4, score_pool3: The classifiers, initialized to zero.
        upscore2, upscore_pool4: Transposed convolutions, initialized as bilinear interpolation and trained.
        upscore8: A transposed convolution that stays bilinear interpolation.

    Raises:
        InputError: If an argument is invalid, or the encoder or its weights are not available.

    Example:
        >>> network = FCN8s("vgg11", encoder_weights=None, classes=11)
        >>> network(torch.zeros(2, 3, 65, 97)).shape
        torch.Size([2, 11, 65, 97])
    """

    def __init__(
        self,
        encoder_name: str = "vgg16",
        *,
        classes: int,
        encoder_weights: str | os.PathLike[str] | None = "imagenet",
        in_channels: int = 3,
    ) -> None:
        vgg = vgg_layers(encoder_name, weights=encoder_weights, in_channels=in_channels)
        super().__init__(config=vgg.config("fcn8s", classes=classes), preprocessing=vgg.preprocessing)
        self.encoder = nn.ModuleList(vgg.blocks)
        self.fc6, self.fc7 = vgg.fc6, vgg.fc7
        self.fc6.padding = (3, 3)
        pool3, pool4 = (convolutions(block)[-1].out_channels for block in vgg.blocks[2:4])
        self.score_fr = _classifier(self.fc7.out_channels, classes)
        self.score_pool4 = _classifier(pool4, classes)
        self.score_pool3 = _classifier(pool3, classes)
        self.upscore2 = _bilinear(classes, factor=2)
        self.upscore_pool4 = _bilinear(classes, factor=2)
        self.upscore8 = _bilinear(classes, factor=8).requires_grad_(False)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images of any height and width."""
        x, pools = image, list[Tensor]()
        for block in self.encoder:
            x = F.max_pool2d(block(x), kernel_size=2, ceil_mode=True)
            pools.append(x)
        for layer in (self.fc6, self.fc7):
            x = F.dropout(F.relu(layer(x)), training=self.training)
        logits = _crop(self.upscore2(self.score_fr(x)), pools[3]) + self.score_pool4(pools[3])
        logits = _crop(self.upscore_pool4(logits), pools[2]) + self.score_pool3(pools[2])
        return _crop(self.upscore8(logits), image)


def _classifier(channels: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, classes, kernel_size=1)
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _bilinear(classes: int, *, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution that upsamples by an even factor, like bilinear interpolation."""
    size = 2 * factor
    layer = nn.ConvTranspose2d(classes, classes, size, stride=factor, padding=factor // 2, bias=False)
    distance = (torch.arange(size) - (size - 1) / 2).abs() / factor  # from the center, in pixels of the input
    weight = 1 - distance
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        for index in range(classes):
            layer.weight[index, index] = weight[:, None] * weight[None, :]
    return layer


def _crop(logits: Tensor, like: Tensor) -> Tensor:
    """Crop the rows and columns that the pools added at the bottom and right by rounding up."""
    return logits[..., : like.shape[-2], : like.shape[-1]]
