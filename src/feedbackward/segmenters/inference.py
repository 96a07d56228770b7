"""Prediction in PyTorch: images resized for a segmenter, its wrappers in their order, logits at the images' size."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from feedbackward.data.transforms import EvalTransform
from feedbackward.nn import DenseCRF, resize_logits
from feedbackward.preprocessing import Preprocessing
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.augmented import Augmented
from feedbackward.segmenters.bands import resize_bands
from feedbackward.segmenters.memory import explaining_memory
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.refined import Refined
from feedbackward.segmenters.segmenter import Segmenter, check_logits
from feedbackward.segmenters.tiles import Size


class Inference:
    """Maps images to logits, as a tensor on the segmenter's device.

    Args:
        segmenter: The segmenter; a network is put into evaluation mode.
        preprocessing: How images are read and resized for it.
        augment: The flips and scales of the resized images to average over.
        crf: Refines the logits at the resized images' size.

    Raises:
        InputError: If the segmenter outputs no logits and an average or a CRF needs them.
    """

    def __init__(
        self, segmenter: Segmenter, *, preprocessing: Preprocessing, augment: Augment | None, crf: DenseCRF | None
    ) -> None:
        if isinstance(segmenter, nn.Module):
            segmenter.eval()
        self.segmenter: Segmenter = Normalized(segmenter)
        if augment:
            self.segmenter = Augmented(self.segmenter, augment)
        if crf is not None:
            self.segmenter = Refined(self.segmenter, crf)
        self._transform = EvalTransform(preprocessing)

    @torch.inference_mode()
    def __call__(self, images: Sequence[NDArray[Any]]) -> Tensor:
        """Compute the logits (N, classes, H, W) of images (H, W, C) of one size.

        Raises:
            InputError: If values are out of range, memory runs out, or the segmenter outputs classes and
                images are resized.
        """
        return resize_logits(self._logits(self._prepare(images)), (images[0].shape[0], images[0].shape[1]))

    @torch.inference_mode()
    def in_bands(self, images: Sequence[NDArray[Any]]) -> list[Iterator[Tensor]]:
        """The same logits in bands of rows, so that those of many classes are never all in memory.

        Returns:
            For each image logits (classes, rows, W) from top to bottom: of few rows where they are interpolated in the
            end, otherwise all in one band.

        Raises:
            InputError: As a call.
        """
        prepared = self._prepare(images)
        with explaining_memory(prepared.shape):
            coarse = self.segmenter.coarse_logits(prepared)
        seen, size = (prepared.shape[-2], prepared.shape[-1]), (images[0].shape[0], images[0].shape[1])
        if coarse is None:
            return [iter((logits,)) for logits in resize_logits(self._logits(prepared), size)]
        return [_interpolated(logits, coarse.size, seen, size) for logits in coarse.logits]

    @torch.inference_mode()
    def unit_logits(self, images: NDArray[np.float32]) -> Tensor:
        """Compute the logits (N, classes, H, W) of images (N, C, H, W) in [0, 1] that are resized already.

        Raises:
            InputError: If memory runs out.
        """
        return self._logits(torch.from_numpy(images))

    def _prepare(self, images: Sequence[NDArray[Any]]) -> Tensor:
        height, width = images[0].shape[:2]
        with explaining_memory((len(images), images[0].shape[2], height, width)):
            prepared = torch.stack([self._transform.image(image) for image in images])
        if prepared.shape[-2:] != (height, width):
            check_logits(self.segmenter, "resizing")
        return prepared

    def _logits(self, images: Tensor) -> Tensor:
        with explaining_memory(images.shape):
            return self.segmenter.logits(images)


def _interpolated(logits: Tensor, padded: Size, seen: Size, size: Size) -> Iterator[Tensor]:
    """Interpolate logits (classes, h, w) to the padded image, crop them to the image that was seen, and resize them."""
    own = logits.shape[-2], logits.shape[-1]
    bands = resize_bands([logits], own, padded)
    if padded != seen:
        bands = _cropped(bands, seen)
    return bands if seen == size else resize_bands(bands, seen, size)


def _cropped(bands: Iterator[Tensor], size: Size) -> Iterator[Tensor]:
    rows = 0
    for band in bands:
        if rows < size[0]:
            yield band[:, : size[0] - rows, : size[1]]
        rows += band.shape[1]
