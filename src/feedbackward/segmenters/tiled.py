"""The wrapper that lets a segmenter take images of any size: in tiles if they are large, padded if they are small."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.segmenters.segmenter import Segmenter, Wrapper
from feedbackward.segmenters.stitching import stitch
from feedbackward.segmenters.tiles import Size, Tiles


class Tiled(Wrapper):
    """Segments large images in overlapping tiles, and pads those that are too small for an exported file.

    Args:
        segmenter: The segmenter to wrap; it takes images in [0, 1].
        tiles: The tiles of images that have more pixels than one of them.
    """

    def __init__(self, segmenter: Segmenter, tiles: Tiles = Tiles()) -> None:  # noqa: B008 - frozen
        super().__init__(segmenter)
        self._tiles = tiles

    def padded_size(self, size: Size) -> Size:
        """The size itself."""
        return size

    def logits(self, images: Tensor) -> Tensor:
        """Compute logits (N, classes, H, W) of images (N, C, H, W) of any size."""
        size = images.shape[-2], images.shape[-1]
        if self._tiles.size_for(size) == size == self.segmenter.padded_size(size):
            return self.segmenter.logits(images)
        return torch.stack([self._stitched(image) for image in images])

    def _stitched(self, image: Tensor) -> Tensor:
        pixels = image.permute(1, 2, 0).cpu().numpy()

        def score(tile: NDArray[np.float32]) -> Tensor:
            unit = torch.from_numpy(np.ascontiguousarray(tile.transpose(2, 0, 1)))
            return self.segmenter.logits(unit[None].to(image.device))[0]

        bands = stitch(
            lambda top, bottom: pixels[top:bottom],
            (pixels.shape[0], pixels.shape[1]),
            score,
            lambda logits: logits,
            tiles=self._tiles,
            padded_size=self.segmenter.padded_size,
        )
        return torch.cat(list(bands), 1)
