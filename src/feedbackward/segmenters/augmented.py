"""Test-time augmentation: the average over flipped and scaled images."""

import math
from itertools import product

import torch
from torch import Tensor

from feedbackward.data.resize import resize_image
from feedbackward.errors import InputError
from feedbackward.nn import resize_logits
from feedbackward.preprocessing import scale_size
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.segmenter import Segmenter, Wrapper, check_logits
from feedbackward.task import for_each_task


class Augmented(Wrapper):
    """Averages the probabilities over flipped and scaled images.

    Args:
        segmenter: The segmenter to wrap; it takes images in [0, 1].
        augment: The flips and scales.

    Raises:
        InputError: If the segmenter gives no logits, or takes images of one size only and scales are given.
    """

    def __init__(self, segmenter: Segmenter, augment: Augment) -> None:
        super().__init__(segmenter)
        check_logits(segmenter, "an average over flips and scales")
        least = segmenter.padded_size((1, 1))
        if augment.scales != (1.0,) and segmenter.padded_size((least[0] + 1, least[1])) == least:
            raise InputError(
                f"the exported file takes images of {least[0]}x{least[1]} only, but scales need other sizes: export it "
                f"without --size"
            )
        self.augment = augment

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which an image is padded, so that none of the scaled images is too small."""
        least = (math.ceil(side / min(self.augment.scales)) for side in self.segmenter.padded_size((1, 1)))
        height, width = map(max, self.segmenter.padded_size(size), least)
        return height, width

    def logits(self, images: Tensor) -> Tensor:
        """Compute the logarithm of the average probabilities (N, classes, H, W) of images (N, C, H, W)."""
        size = images.shape[-2], images.shape[-1]
        views = list(product(self.augment.scales, (False, True) if self.augment.flip else (False,)))
        total = None
        for scale, flipped in views:
            scaled = scale_size(size, scale)
            view = images if scaled == size else resize_image(images, scaled)
            logits = self.segmenter.logits(view.flip(-1) if flipped else view)
            resized = resize_logits(logits.flip(-1) if flipped else logits, size)
            found = for_each_task(lambda each: each.log_softmax(1), resized, self.tasks)
            # The logarithm of a sum of probabilities is finite even where all of them are too small for a float32.
            total = found if total is None else torch.logaddexp(total, found)
        assert total is not None
        return total - math.log(len(views))
