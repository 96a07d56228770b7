"""A classifier of three thin layers, which sees further than one layer and can read several resolutions."""

import copy
from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from feedbackward.nn.classifier import Parts
from feedbackward.nn.norms import DecoderNorm, create_norm
from feedbackward.nn.resize import resize_logits


class ThinClassifier(nn.Module):
    """1x1 to a few channels, a depthwise-separable convolution, and a convolution to the classes.

    A norm and a ReLU follow the first two. Each part of the input has its own 1x1 convolution, and their outputs are
    added, those of coarser parts upsampled from one resolution to the next.

    Args:
        channels: Input channels of each part, the parts from fine to coarse.
        width: Channels between the layers.
        classes: Output channels.
        kernel_size: Odd kernel size of the last two layers.
        norm: The kind of the norms.
    """

    def __init__(
        self, channels: Sequence[int], *, width: int, classes: int, kernel_size: int, norm: DecoderNorm
    ) -> None:
        super().__init__()
        self.reduce = nn.ModuleList(nn.Conv2d(count, width, kernel_size=1, bias=False) for count in channels)
        self.reduce_norm = create_norm(norm, width, dims=4)
        self.depthwise = nn.Conv2d(width, width, kernel_size, padding=kernel_size // 2, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, width, kernel_size=1, bias=False)
        self.norm = create_norm(norm, width, dims=4)
        self.classify = nn.Conv2d(width, classes, kernel_size, padding=kernel_size // 2)

    @property
    def _reductions(self) -> list[nn.Conv2d]:
        return [each for each in self.reduce if isinstance(each, nn.Conv2d)]

    def folded(self) -> "ThinClassifier":
        """A copy, for evaluation, with its batch norms folded into the convolutions before them."""
        folded = copy.deepcopy(self)
        if isinstance(self.norm, nn.BatchNorm2d) and isinstance(self.reduce_norm, nn.BatchNorm2d):
            folded.pointwise, folded.norm = fuse_conv_bn_eval(self.pointwise, self.norm), nn.Identity()
            reduced = [fuse_conv_bn_eval(each, self.reduce_norm) for each in self._reductions]
            for other in reduced[1:]:
                other.bias = None  # the shift is added once
            folded.reduce = nn.ModuleList(reduced)
            folded.reduce_norm = nn.Identity()
        return folded

    def forward(self, signal: Parts) -> Float[Tensor, "n classes h w"]:
        """Compute the logits, at the resolution of the first part."""
        parts = (signal,) if isinstance(signal, Tensor) else signal
        total: Tensor | None = None
        for part, reduce in reversed(list(zip(parts, self.reduce, strict=True))):
            reduced = reduce(part)
            total = reduced if total is None else reduced + resize_logits(total, (part.shape[-2], part.shape[-1]))
        seen = F.relu(self.reduce_norm(total))
        seen = F.relu(self.norm(self.pointwise(self.depthwise(seen))))
        logits: Tensor = self.classify(seen)
        return logits
