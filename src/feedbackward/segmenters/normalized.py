"""The wrapper that normalizes images. It imports no torch: exported files run on NumPy arrays."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from feedbackward.preprocessing import Images
from feedbackward.segmenters.segmenter import Wrapper

if TYPE_CHECKING:
    from feedbackward.nn import Coarse


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
        # Losses, interpolation and the argmax over many classes need more than the 8 bits of bfloat16.
        logits = inner.logits(self._prepared(images)).float()
        return logits

    def coarse_logits(self, images: Any, /) -> "Coarse | None":
        """Compute the logits before their interpolation, as the segmenter does, in float32; arrays have none."""
        if isinstance(images, np.ndarray):
            return None
        inner: Any = self.segmenter
        coarse: Coarse | None = inner.coarse_logits(self._prepared(images))
        return None if coarse is None else replace(coarse, logits=coarse.logits.float())

    def _prepared(self, images: Any) -> Any:
        inner: Any = self.segmenter
        return inner.preprocessing(images if inner.device is None else images.to(inner.device))
