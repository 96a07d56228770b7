"""The wrapper that normalizes images. It imports no torch: exported files run on NumPy arrays."""

from typing import Any

import numpy as np

from feedbackward.preprocessing import Images
from feedbackward.segmenters.segmenter import Wrapper


class Normalized(Wrapper):
    """Applies the segmenter's normalization on its device.

    Args:
        segmenter: The segmenter to wrap, usually a network.
    """

    def logits(self, images: Images) -> Images:
        """Compute float32 logits (N, classes, H, W).

        Args:
            images: Images (N, C, H, W) in [0, 1]: a tensor on any device, whose memory format is kept, or, for an
                exported file, an array.
        """
        inner: Any = self.segmenter
        logits: Images
        if isinstance(images, np.ndarray):
            logits = inner.logits(inner.preprocessing(images))
            return logits
        moved = images if inner.device is None else images.to(inner.device)
        # Losses, interpolation and the argmax over many classes need more than the 8 bits of bfloat16.
        logits = inner.logits(inner.preprocessing(moved)).float()
        return logits
