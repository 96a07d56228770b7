"""DeepLab-LargeFOV: dilated convolutions in place of the last two reductions, and a wide field of view.

"Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs" (Chen et al., 2014); its CRF is
feedbackward.nn.DenseCRF.
"""

import os

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.models.baselines.vgg import convolutions, vgg_layers
from feedbackward.models.network import SegmentationNetwork

POOL_STRIDES = (2, 2, 2, 1, 1)
REDUCTION = 8
DECIMATION = 4
"""The fully connected layers keep every fourth channel: 1024 of VGG-16's 4096."""


class DeepLabLargeFOV(SegmentationNetwork):
    """DeepLab-LargeFOV on a VGG: logits at an eighth of the image's size, interpolated bilinearly.

    Args:
        encoder_name: One of timm's VGGs.
        encoder_weights: "imagenet", the path of a local file, or None (random). The fully connected layers take every
            fourth channel, and the 7x7 filters of the first one every third row and column.
        in_channels: The number of image channels.
        classes: The number of classes.

    Attributes:
        encoder: The VGG's blocks of convolutions, the last one with dilation 2.
        fc6: 3x3, with dilation 12.
        fc7: 1x1.
        head: The classifier.

    Raises:
        InputError: If an argument is invalid, or the encoder or its weights are not available.

    Example:
        >>> network = DeepLabLargeFOV("vgg11", encoder_weights=None, classes=11)
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
        super().__init__(config=vgg.config("deeplab_largefov", classes=classes), preprocessing=vgg.preprocessing)
        self.encoder = nn.ModuleList(vgg.blocks)
        for layer in convolutions(vgg.blocks[-1]):
            layer.dilation = layer.padding = (2, 2)
        channels = vgg.fc6.out_channels // DECIMATION
        self.fc6 = nn.Conv2d(vgg.fc6.in_channels, channels, kernel_size=3, padding=12, dilation=12)
        self.fc7 = nn.Conv2d(channels, channels, kernel_size=1)
        self.head = nn.Conv2d(channels, classes, kernel_size=1)
        if encoder_weights is None:
            for layer in (self.fc6, self.fc7):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        else:
            _decimate(vgg.fc6, self.fc6)
            _decimate(vgg.fc7, self.fc7)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images of any height and width."""
        x = image
        for block, stride in zip(self.encoder, POOL_STRIDES, strict=True):
            x = F.max_pool2d(block(x), kernel_size=3, stride=stride, padding=1, ceil_mode=True)
        x = F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)
        for layer in (self.fc6, self.fc7):
            x = F.dropout(F.relu(layer(x)), training=self.training)
        return _upsample(self.head(x), (image.shape[-2], image.shape[-1]))


def _upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate bilinearly; the logits belong to every eighth pixel from the first, where the pools are centered."""
    height, width = (REDUCTION * (length - 1) + 1 for length in logits.shape[-2:])
    upsampled = F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=True)
    return upsampled[..., : size[0], : size[1]]


def _decimate(source: nn.Conv2d, target: nn.Conv2d) -> None:
    """Fill a smaller layer with evenly spaced channels, rows and columns of a larger one."""
    inputs = source.in_channels // target.in_channels
    step = max(1, source.kernel_size[0] // 2)  # of 7 rows the first, the middle and the last
    assert source.bias is not None
    assert target.bias is not None
    with torch.no_grad():
        target.weight.copy_(source.weight[::DECIMATION, ::inputs, ::step, ::step])
        target.bias.copy_(source.bias[::DECIMATION])
