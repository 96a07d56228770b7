"""SegNet: a decoder as large as the encoder, which unpools each value to where the encoder's pool found its maximum.

"SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation" (Badrinarayanan, Kendall and
Cipolla, 2015).
"""

import os
from collections.abc import Iterator
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.models.baselines.vgg import convolutions, vgg_layers
from feedbackward.models.network import SegmentationNetwork

POOL = (2, 2)


class SegNet(SegmentationNetwork):
    """SegNet on a VGG: a decoder with as many convolutions; each has a batch norm in place of its bias.

    Args:
        encoder_name: One of timm's VGGs.
        encoder_weights: "imagenet", the path of a local file, or None (random). The biases do not matter, as the batch
            norms subtract them.
        in_channels: The number of image channels.
        classes: The number of classes.

    Attributes:
        encoder: The VGG's blocks of convolutions.
        decoder: The decoder's blocks in the order in which they run; the last one lacks its last convolution.
        head: That convolution, the classifier.

    Raises:
        InputError: If an argument is invalid, or the encoder or its weights are not available.

    Example:
        >>> import torch
        >>> network = SegNet("vgg11", encoder_weights=None, classes=11)
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
        vgg = vgg_layers(encoder_name, weights=encoder_weights, in_channels=in_channels, fully_connected=False)
        super().__init__(config=vgg.config("segnet", classes=classes), preprocessing=vgg.preprocessing)
        channels = [[layer.out_channels for layer in convolutions(block)] for block in vgg.blocks]
        # The counterpart of a layer maps its output channels to its input channels; that of the first is the
        # classifier.
        reverse = [block[::-1] + below[-1:] for block, below in zip(channels, [[], *channels], strict=False)][::-1]
        self.encoder = nn.ModuleList(nn.Sequential(*_with_norms(block)) for block in vgg.blocks)
        self.decoder = nn.ModuleList(nn.Sequential(*_decode(path)) for path in reverse)
        self.head = nn.Conv2d(channels[0][0], classes, kernel_size=3, padding=1)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images of any height and width."""
        x, pools = image, list[tuple[Tensor, list[int]]]()
        for block in self.encoder:
            x = block(x)
            size = list(x.shape[-2:])
            x, indices = F.max_pool2d(x, POOL, ceil_mode=True, return_indices=True)
            pools.append((indices, size))
        for block in self.decoder:
            indices, size = pools.pop()
            x = block(F.max_unpool2d(x, indices, POOL, output_size=size))
        logits: Tensor = self.head(x)
        return logits


def _with_norms(block: nn.Sequential) -> Iterator[nn.Module]:
    """The layers of an encoder block, with a batch norm after each convolution in place of its bias."""
    for layer, following in zip(block, [*block[1:], None], strict=True):
        yield layer
        if not isinstance(layer, nn.Conv2d):
            continue
        if not isinstance(following, nn.BatchNorm2d):
            yield nn.BatchNorm2d(layer.out_channels)
        elif layer.bias is not None:
            # The norm's mean includes the bias.
            assert following.running_mean is not None
            following.running_mean -= layer.bias.detach()
        layer.bias = None


def _decode(channels: list[int]) -> Iterator[nn.Module]:
    """Convolutions from each number of channels to the next, each with its norm and activation."""
    for inputs, outputs in pairwise(channels):
        convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        yield from (convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
