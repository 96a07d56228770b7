"""From decoded pixels to tensors: resizing and random augmentation of an image together with its mask.

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
from feedbackward.data.resize import resize_image, resize_mask
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, scale_size, to_resizable, to_unit_range


@dataclass(frozen=True)
class Augmentation:
    """Random augmentation of the training images; the defaults are the paper's: horizontal flips only.

    Args:
        horizontal_flip: Probability of a horizontal flip.
        scale: Smallest and largest factor by which height and width are scaled together, for example
            (0.5, 2.0).
        crop: Height and width of a random crop; smaller images are padded (image with black, mask with void). By
            default scaled images are cropped to the size that they had before.
        color_jitter: Largest relative change of brightness, contrast and saturation, 0 to 1; for gray and RGB images.

    Raises:
        InputError: If a value is out of range.
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
        check_size("augmentation: crop", self.crop)


RECOMMENDED = Augmentation(scale=(0.75, 1.5))
"""The augmentation that the study recommends; the paper's flips only."""


class TrainTransform:
    """Resize and augment an image and its mask, to the same size and on the same grid.

    A random scale multiplies the size before resizing, so that enlarged images keep the detail of the original.

    Args:
        preprocessing: How images are read and resized; see resize_mask for masks.
        augmentation: The random part.
        void: The value of masks where an image is padded.
    """

    def __init__(self, preprocessing: Preprocessing, augmentation: Augmentation, *, void: int = 255) -> None:
        self.preprocessing = preprocessing
        self._augmentation = augmentation
        self._fill: dict[type | str, Any] = {tv_tensors.Image: 0, tv_tensors.Mask: void}
        steps: list[Callable[..., Any]] = []
        if augmentation.horizontal_flip > 0:
            steps.append(v2.RandomHorizontalFlip(augmentation.horizontal_flip))
        if augmentation.color_jitter > 0:
            jitter = augmentation.color_jitter
            steps.append(v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter))
        self._steps = v2.Compose(steps or [v2.Identity()])

    def __call__(self, image: NDArray[Any], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image (H, W, C) and mask (H, W) to float32 (C, h, w) in [0, 1] and int64 (h, w)."""
        own = image.shape[0], image.shape[1]
        resized = self.preprocessing.resize.output_size(own)
        crop = self._augmentation.crop
        size = resized
        if self._augmentation.scale != (1.0, 1.0):
            size = scale_size(resized, torch.empty(()).uniform_(*self._augmentation.scale).item())
            crop = crop or resized
        pixels, values = _channels_first(image, self.preprocessing), mask
        if size != own:
            pixels, values = resize_image(pixels, size), resize_mask(mask, size)
        pair = tv_tensors.Image(pixels), tv_tensors.Mask(torch.from_numpy(values.astype(np.int64)))
        if crop is not None:
            pair = v2.RandomCrop(list(crop), pad_if_needed=True, fill=self._fill)(*pair)
        changed, changed_mask = self._steps(*pair)
        return _unit(changed.as_subclass(Tensor)), changed_mask.as_subclass(Tensor).contiguous()


class EvalTransform:
    """Resize the image only: the mask keeps its full resolution, at which it is scored.

    Args:
        preprocessing: How images are read and resized.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, image: NDArray[Any], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image (H, W, C) and mask (H, W) to float32 (C, h, w) in [0, 1] and int64 (H, W)."""
        return self.image(image), torch.from_numpy(mask.astype(np.int64))

    def image(self, image: NDArray[Any]) -> Tensor:
        """Image (H, W, C), as it was read, to float32 (C, h, w) in [0, 1]."""
        own = image.shape[0], image.shape[1]
        size = self.preprocessing.resize.output_size(own)
        pixels = _channels_first(image, self.preprocessing)
        return _unit(pixels if size == own else resize_image(pixels, size))


def _channels_first(image: NDArray[Any], preprocessing: Preprocessing) -> Tensor:
    """Channels stay last in memory: torch's fast path for resizing."""
    values = to_resizable(image, preprocessing.value_range)
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).permute(2, 0, 1)


def _unit(pixels: Tensor) -> Tensor:
    return torch.from_numpy(to_unit_range(pixels.numpy())) if pixels.dtype == torch.uint8 else pixels.contiguous()
