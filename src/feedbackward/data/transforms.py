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

from feedbackward.data.arguments import Size
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
        reduce: Whether `prepare` reduces images to the size to which they are resized, times the largest random scale
            if that is above 1. Images that are reduced are resized twice, unless that is the only size.

    Raises:
        InputError: On a call, if the augmentation does not suit the image, or its custom transform returned something
            else than an image and a mask like those that it was given.
    """

    def __init__(
        self, preprocessing: Preprocessing, augmentation: Augmentation, *, void: int = 255, reduce: bool = False
    ) -> None:
        self.preprocessing = preprocessing
        self._reduce = reduce
        self._augmentation = augmentation
        self._enlargement = max(1.0, augmentation.scale[1])
        self._void = void
        self._rotate = v2.RandomRotation(
            augmentation.rotation,
            interpolation=v2.InterpolationMode.BILINEAR,  # of the image; masks always have the nearest value
            fill={tv_tensors.Image: 0, tv_tensors.Mask: void},
        )
        self._steps = v2.Compose(steps_of(augmentation, void=void) or [v2.Identity()])

    def __call__(self, image: NDArray[Any], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image (H, W, C) and mask (H, W) to float32 (C, h, w) in [0, 1] and int64 (h, w)."""
        return self.finish(**self.prepare(image, mask))

    @property
    def preparation(self) -> str:
        """What the result of `prepare` depends on, besides image and mask."""
        return f"train {_reading(self.preprocessing)} {self._enlargement} {self._reduce}"

    def prepare(self, image: NDArray[Any], mask: NDArray[np.integer]) -> dict[str, NDArray[Any]]:
        """The part that is not random.

        Returns:
            The arguments of `finish`.
        """
        own = image.shape[0], image.shape[1]
        resized = self.preprocessing.resize.output_size(own)
        values = to_resizable(image, self.preprocessing.value_range)
        if self._reduce:
            size = scale_size(resized, self._enlargement)
            if size[0] * size[1] < own[0] * own[1]:
                values, mask = _resized(values, size), resize_mask(mask, size)
        return {"image": values, "mask": mask, "size": np.array(resized)}

    def finish(
        self, image: NDArray[Any], mask: NDArray[np.integer], size: NDArray[np.integer]
    ) -> tuple[Tensor, Tensor]:
        """The random part.

        Args:
            image: (H, W, C), uint8 or float32 in [0, 1].
            mask: (H, W).
            size: Height and width to which the image is resized before the random scale.

        Returns:
            As a call.
        """
        own, resized = (image.shape[0], image.shape[1]), (int(size[0]), int(size[1]))
        crop = self._augmentation.crop
        scaled = resized
        if self._augmentation.scale != (1.0, 1.0):
            scaled = scale_size(resized, torch.empty(()).uniform_(*self._augmentation.scale).item())
            crop = crop or resized
        pixels, values = _channels_first(image), mask
        if scaled != own:
            pixels, values = resize_image(pixels, scaled), resize_mask(mask, scaled)
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
        return self.finish(**self.prepare(image, mask))

    def image(self, image: NDArray[Any]) -> Tensor:
        """Image (H, W, C), as it was read, to float32 (C, h, w) in [0, 1]."""
        return _unit(_channels_first(self.resized(image)))

    @property
    def preparation(self) -> str:
        """What the results of `prepare` and `resized` depend on, besides image and mask."""
        return f"evaluation {_reading(self.preprocessing)}"

    def prepare(self, image: NDArray[Any], mask: NDArray[np.integer]) -> dict[str, NDArray[Any]]:
        """All but the conversion into tensors: the arguments of `finish`."""
        return {"image": self.resized(image), "mask": mask}

    def resized(self, image: NDArray[Any]) -> NDArray[Any]:
        """Image (H, W, C), as it was read, to (h, w, C), uint8 or float32 in [0, 1]."""
        own = image.shape[0], image.shape[1]
        size = self.preprocessing.resize.output_size(own)
        values = to_resizable(image, self.preprocessing.value_range)
        return values if size == own else _resized(values, size)

    def finish(self, image: NDArray[Any], mask: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Image (h, w, C), uint8 or float32 in [0, 1], and mask (H, W) to tensors; returns as a call."""
        return _unit(_channels_first(image)), torch.from_numpy(mask.astype(np.int64))


def _reading(preprocessing: Preprocessing) -> str:
    return f"{preprocessing.channels} {preprocessing.value_range} {preprocessing.resize!r}"


def _channels_first(values: NDArray[Any]) -> Tensor:
    """Channels stay last in memory: torch's fast path for resizing."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).permute(2, 0, 1)


def _resized(values: NDArray[Any], size: Size) -> NDArray[Any]:
    return resize_image(_channels_first(values), size).permute(1, 2, 0).numpy()


def _unit(pixels: Tensor) -> Tensor:
    return torch.from_numpy(to_unit_range(pixels.numpy())) if pixels.dtype == torch.uint8 else pixels.contiguous()
