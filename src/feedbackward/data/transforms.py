"""From decoded pixels to tensors: decimation and random augmentation of an image together with its mask.

Built on torchvision.transforms.v2, which applies the same random parameters to both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data.arguments import Size, check_size
from feedbackward.data.encodings import VOID
from feedbackward.errors import InputError
from feedbackward.preprocessing import to_unit_range


@dataclass(frozen=True)
class Augmentation:
    """Random augmentation of the training images; the defaults are the paper's: horizontal flips only.

    Args:
        horizontal_flip: Probability of a horizontal flip.
        scale: Smallest and largest factor by which height and width are scaled together, for example
            (0.5, 2.0). Any other than (1.0, 1.0) requires a crop.
        crop: Height and width of a random crop; smaller images are padded (image with black, mask with void).
        color_jitter: Largest relative change of brightness, contrast and saturation, 0 to 1.

    Raises:
        InputError: If a value is out of range, or scale is set without a crop.
    """

    horizontal_flip: float = 0.5
    scale: tuple[float, float] = (1.0, 1.0)
    crop: Size | None = None
    color_jitter: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("horizontal_flip", self.horizontal_flip), ("color_jitter", self.color_jitter)):
            if not 0 <= value <= 1:
                raise InputError(f"augmentation: {name} is {value}; expected 0 to 1")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"augmentation: scale is {list(self.scale)}; expected [smallest, largest], both above 0")
        if self.scale != (1.0, 1.0) and self.crop is None:
            raise InputError(
                "augmentation: scale without crop produces images of different sizes; set crop: [H, W] too"
            )
        check_size("augmentation: crop", self.crop)


FLIP_ONLY = Augmentation()
"""The paper's augmentation."""


class TrainTransform:
    """Decimate and augment an image and its mask, to the same size.

    Args:
        size: Height and width to resize to (image bilinear with antialiasing, mask nearest); None keeps them. A
            random scale multiplies them before resizing, so that enlarged images keep the detail of the original.
        augmentation: The random part.
    """

    def __init__(self, size: Size | None, augmentation: Augmentation) -> None:
        steps: list[Callable[..., Any]] = []
        if augmentation.scale != (1.0, 1.0):
            steps.append(_RandomScale(size, augmentation.scale))
        elif size is not None:
            steps.append(v2.Resize(list(size)))
        if augmentation.crop is not None:
            fill: dict[type | str, Any] = {tv_tensors.Image: 0, tv_tensors.Mask: VOID}
            steps.append(v2.RandomCrop(list(augmentation.crop), pad_if_needed=True, fill=fill))
        if augmentation.horizontal_flip > 0:
            steps.append(v2.RandomHorizontalFlip(augmentation.horizontal_flip))
        if augmentation.color_jitter > 0:
            jitter = augmentation.color_jitter
            steps.append(v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter))
        self._steps = v2.Compose(steps or [v2.Identity()])

    def __call__(self, image: NDArray[np.uint8], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image uint8 (H, W, 3) and mask uint8 (H, W) to float32 (3, h, w) in [0, 1] and int64 (h, w)."""
        changed, changed_mask = self._steps(
            tv_tensors.Image(_channels_first(image)), tv_tensors.Mask(torch.from_numpy(mask))
        )
        return to_unit_range(changed.as_subclass(Tensor)), changed_mask.as_subclass(Tensor).long()


class EvalTransform:
    """Decimate the image only: the mask keeps its full resolution, at which it is scored.

    Args:
        size: Height and width to resize the image to (bilinear with antialiasing); None keeps it.
    """

    def __init__(self, size: Size | None) -> None:
        self._size = size

    def __call__(self, image: NDArray[np.uint8], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image uint8 (H, W, 3) and mask uint8 (H, W) to float32 (3, h, w) in [0, 1] and int64 (H, W)."""
        return self.image(image), torch.from_numpy(mask).long()

    def image(self, image: NDArray[np.uint8]) -> Tensor:
        """Image uint8 (H, W, 3) to float32 (3, h, w) in [0, 1]."""
        tensor = _channels_first(image)
        return to_unit_range(tensor if self._size is None else resize_image(tensor, self._size))


def resize_image(image: Tensor, size: Size) -> Tensor:
    """Resize images (..., C, H, W), 8-bit or of floating point, bilinearly with antialiasing."""
    resized: Tensor = v2.functional.resize_image(image, list(size), antialias=True)
    return resized


class _RandomScale:
    """Resize image and mask once, to `size` (None: their own) times a random factor."""

    def __init__(self, size: Size | None, scale: tuple[float, float]) -> None:
        self._size = size
        self._scale = scale

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
        factor = torch.empty(()).uniform_(*self._scale).item()
        size = [max(1, round(length * factor)) for length in self._size or mask.shape]
        return v2.functional.resize(image, size), v2.functional.resize(mask, size)


def _channels_first(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)  # channels stay last in memory: torch's fast path for resizing
