"""Prediction in PyTorch: the wrappers in their order, without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.nn import DenseCRF
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.segmenters.wrappers import Refined, Scaled


class Inference:
    """Maps 8-bit images to logits, as a tensor on the segmenter's device.

    Args:
        segmenter: The segmenter; a network is put into evaluation mode.
        scale: Images are resized by this factor for the segmenter.
        crf: Refines the logits at the resized images' size.

    Raises:
        InputError: If the segmenter outputs no logits and a scale or a CRF needs them.
    """

    def __init__(self, segmenter: Segmenter, *, scale: float, crf: DenseCRF | None) -> None:
        if isinstance(segmenter, nn.Module):
            segmenter.eval()
        self.segmenter: Segmenter = Normalized(segmenter)
        if crf is not None:
            self.segmenter = Refined(self.segmenter, crf)
        if scale != 1:
            self.segmenter = Scaled(self.segmenter, scale)

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """Compute the logits (N, classes, H, W) of images (N, 3, H, W).

        Raises:
            InputError: If the GPU runs out of memory.
        """
        try:
            return self.segmenter.logits(torch.from_numpy(images))
        except torch.OutOfMemoryError as error:
            height, width = images.shape[-2:]
            raise InputError(
                f"out of GPU memory with an image of {height}x{width}; use a smaller --scale, or --device cpu"
            ) from error
