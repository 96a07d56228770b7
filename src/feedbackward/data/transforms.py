"""From decoded pixels to tensors: resizing and random augmentation of an image together with its mask.

Built on torchvision.transforms.v2, which applies the same random parameters to both.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data.augmentation import Augmentation
from feedbackward.data.own_transform import apply_own
from feedbackward.data.random_changes import LimitedCrop, steps_of
from feedbackward.data.resize import resize_image, resize_mask
from feedbackward.preprocessing import Preprocessing, scale_size, to_resizable, to_unit_range


class TrainTransform:
    """Resize and augment an image and its mask, to the same size and on the same grid.

    A random scale multiplies the size before resizing, so that enlarged images keep the detail of the original. Images
    are rotated before they are cropped, so that crops have no more of the black corners than they must.

    Args:
        preprocessing: How images are read and resized; see resize_mask for masks.
        augmentation: The random part.
        void: The value of masks where an image is padded, turned away or dropped.

    Raises:
        InputError: On a call, if the augmentation does not suit the image, or its custom transform returned something
            else than an image and a mask like those that it was given.
    """

    def __init__(self, preprocessing: Preprocessing, augmentation: Augmentation, *, void: int = 255) -> None:
        self.preprocessing = preprocessing
        self._augmentation = augmentation
        self._void = void
        self._rotate = v2.RandomRotation(
            augmentation.rotation,
            interpolation=v2.InterpolationMode.BILINEAR,  # of the image; masks always have the nearest value
            fill={tv_tensors.Image: 0, tv_tensors.Mask: void},
        )
        self._steps = v2.Compose(steps_of(augmentation, void=void) or [v2.Identity()])

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
        if self._augmentation.rotation > 0:
            pair = self._rotate(*pair)
        if crop is not None:
            pair = LimitedCrop(crop, self._augmentation.crop_limit, self._void)(*pair)
        pair = self._steps(*pair)
        if self._augmentation.custom is not None:
            pair = apply_own(self._augmentation.custom, *pair, void=self._void, mask_type=mask.dtype)
        changed, changed_mask = (each.as_subclass(Tensor) for each in pair)
        return _unit(changed), changed_mask.contiguous()


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
