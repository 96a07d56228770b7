"""The wrapper that refines logits with DeepLab's CRF."""

from torch import Tensor

from feedbackward.nn import DenseCRF
from feedbackward.segmenters.segmenter import Segmenter, Wrapper, check_logits
from feedbackward.task import for_each_task


class Refined(Wrapper):
    """Refines the logits with a fully connected CRF over the images.

    Args:
        segmenter: The segmenter to wrap; it takes images in [0, 1].
        crf: The CRF.

    Raises:
        InputError: If the segmenter gives no logits.
    """

    def __init__(self, segmenter: Segmenter, crf: DenseCRF) -> None:
        super().__init__(segmenter)
        check_logits(segmenter, "a CRF")
        self.crf = crf

    def logits(self, images: Tensor) -> Tensor:
        """Compute the log-probabilities (N, classes, H, W) of images (N, C, H, W) in [0, 1]."""
        return self.refine(self.segmenter.logits(images), images)

    def refine(self, logits: Tensor, images: Tensor) -> Tensor:
        """Refine logits (N, classes, H, W) of the wrapped segmenter for images (N, C, H, W) in [0, 1]."""
        moved = images.to(logits.device)
        return for_each_task(lambda each: self.crf(each, moved), logits, self.tasks)
