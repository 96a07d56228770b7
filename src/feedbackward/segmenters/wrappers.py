"""Wrappers that need PyTorch: resized images, and DeepLab's CRF."""

from torch import Tensor

from feedbackward.data.transforms import resize_image
from feedbackward.errors import InputError
from feedbackward.nn import DenseCRF, resize_logits
from feedbackward.preprocessing import to_unit_range
from feedbackward.segmenters.segmenter import Segmenter, Wrapper


class Refined(Wrapper):
    """Refines the logits with a fully connected CRF over the images.

    Args:
        segmenter: The segmenter to wrap; it takes 8-bit images or images in [0, 1].
        crf: The CRF.

    Raises:
        InputError: If the segmenter gives no logits.
    """

    def __init__(self, segmenter: Segmenter, crf: DenseCRF) -> None:
        super().__init__(segmenter)
        _check_logits(segmenter, "a CRF")
        self.crf = crf

    def logits(self, images: Tensor) -> Tensor:
        """Compute the log-probabilities (N, classes, H, W) of RGB images (N, 3, H, W)."""
        unit = to_unit_range(images)
        return self.refine(self.segmenter.logits(unit), unit)

    def refine(self, logits: Tensor, images: Tensor) -> Tensor:
        """Refine logits (N, classes, H, W) of the wrapped segmenter for images (N, 3, H, W) in [0, 1]."""
        refined: Tensor = self.crf(logits, images.to(logits.device))
        return refined


class Scaled(Wrapper):
    """Resizes images by a factor for the segmenter, and its logits back bilinearly.

    The paper does so with a factor of 0.5 for Cityscapes (section 4).

    Args:
        segmenter: The segmenter to wrap; it takes 8-bit images or images in [0, 1].
        factor: Multiplies height and width.

    Raises:
        InputError: If the segmenter gives no logits.
    """

    def __init__(self, segmenter: Segmenter, factor: float) -> None:
        super().__init__(segmenter)
        _check_logits(segmenter, "a scale")
        self.factor = factor

    def logits(self, images: Tensor) -> Tensor:
        """Compute the logits (N, classes, H, W) of images (N, C, H, W)."""
        size = images.shape[-2], images.shape[-1]
        scaled = scale_size(size, self.factor)
        seen = images if scaled == size else resize_image(images, scaled)
        return resize_logits(self.segmenter.logits(seen), size)


def scale_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Multiply height and width by a factor and round, to at least one pixel.

    Example:
        >>> scale_size((361, 1), 0.25)
        (90, 1)
    """
    height, width = (max(1, round(length * factor)) for length in size)
    return height, width


def _check_logits(segmenter: Segmenter, what: str) -> None:
    if not segmenter.outputs_logits:
        raise InputError(f"the exported file outputs classes, but {what} needs logits: export it without --argmax")
