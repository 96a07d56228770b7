"""The wrapper that applies a segmenter's preprocessing. It imports no torch: exported files run on NumPy arrays."""

from typing import Any

import numpy as np

from feedbackward.preprocessing import Images, to_unit_range
from feedbackward.segmenters.segmenter import Wrapper


class Normalized(Wrapper):
    """Applies the segmenter's preprocessing on its device.

    Args:
        segmenter: The segmenter to wrap, usually a network.
    """

    def logits(self, images: Images) -> Images:
        """Compute float32 logits (N, classes, H, W).

        Args:
            images: Images (N, C, H, W), 8-bit or in [0, 1]: a tensor on any device, whose memory format is kept, or,
                for an exported file, an array.
        """
        # Before the move to a GPU, which rounds a division by 255 differently.
        logits: Images = self._logits(to_unit_range(images))
        return logits

    def _logits(self, images: Any) -> Any:
        inner: Any = self.segmenter
        if isinstance(images, np.ndarray):
            return inner.logits(inner.preprocessing(images))
        moved = images if inner.device is None else images.to(inner.device)
        # Losses, interpolation and the argmax over many classes need more than the 8 bits of bfloat16.
        return inner.logits(inner.preprocessing(moved)).float()
