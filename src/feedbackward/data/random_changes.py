"""The steps of augmentation that torchvision does not have, and all steps of an augmentation in their order.

A step is a function of image and mask that returns both. All random numbers are torch's.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data.arguments import Size
from feedbackward.data.augmentation import Augmentation
from feedbackward.errors import InputError

Step: TypeAlias = Callable[..., Any]

_CROPS = 10
"""How many crops are drawn until one is within the limit, as by mmsegmentation."""


@dataclass(frozen=True)
class LimitedCrop:
    """A random crop in which no class takes up more than a share.

    Args:
        size: Height and width; smaller images are padded with black, masks with void.
        limit: The largest share of a class in the pixels that are not void. If 10 crops exceed it, the last is taken.
            Where classes overlap, the pixels without any of them count as a class of their own.
        void: The value of void in masks.
    """

    size: Size
    limit: float
    void: int

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Tensor, Tensor]:
        """The crops of image and mask."""
        fill = {tv_tensors.Image: 0, tv_tensors.Mask: self.void}
        crop = v2.RandomCrop(list(self.size), pad_if_needed=True, fill=fill)
        share = self._largest_share if mask.ndim == 2 else self._largest_share_of_layers
        for _ in range(_CROPS):
            cropped: tuple[Tensor, Tensor] = crop(image, mask)
            if self.limit == 1 or share(cropped[1].as_subclass(Tensor)) <= self.limit:
                break
        return cropped

    def _largest_share(self, mask: Tensor) -> float:
        counts = torch.bincount(mask[mask != self.void])
        return (counts.max() / counts.sum()).item() if len(counts) else 1.0

    def _largest_share_of_layers(self, layers: Tensor) -> float:
        present, known = layers == 1, layers != self.void
        counts = torch.cat([present, ~present.any(0, keepdim=True) & known.any(0, keepdim=True)]).sum((1, 2))
        pixels = known.any(0).sum()
        return (counts.max() / pixels).item() if pixels else 1.0


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur of the image.

    Args:
        largest: The largest standard deviation, in pixels.
    """

    largest: float

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Tensor, Tensor]:
        """The blurred image, and the mask."""
        sigma = max(_uniform(0, self.largest), 1e-3)  # torchvision divides by it
        pixels = image.as_subclass(Tensor).float()
        for axis, length in enumerate((image.shape[-1], image.shape[-2])):  # a Gaussian is separable
            size = [1, 1]
            size[axis] = 2 * min(math.ceil(3 * sigma), length - 1) + 1  # reflection ends at the opposite border
            pixels = v2.functional.gaussian_blur_image(pixels, size, [sigma, sigma])
        return _as_before(pixels, image), mask


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, independent in each pixel and channel.

    Args:
        largest: The largest standard deviation, where 1 is the range of the values.
    """

    largest: float

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Tensor, Tensor]:
        """The noisy image, and the mask."""
        sigma = _uniform(0, self.largest) * _white(image)
        pixels = image.as_subclass(Tensor).float()
        return _as_before(pixels + sigma * torch.randn(image.shape), image), mask


@dataclass(frozen=True)
class Jpeg:
    """JPEG compression of the image; torchvision's is deprecated.

    Args:
        lowest: The lowest quality, from 1 to 100.

    Raises:
        InputError: If an image does not have 8 bits.
    """

    lowest: int

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Tensor, Tensor]:
        """The compressed image, and the mask."""
        if image.dtype != torch.uint8:
            raise InputError("augmentation: jpeg is for images of 8 bits, and one has more or a value_range; omit it")
        pixels = image.as_subclass(Tensor).permute(1, 2, 0).numpy()
        file = io.BytesIO()
        quality = int(torch.randint(self.lowest, 101, ()))
        PIL.Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=quality)
        decoded = torch.from_numpy(np.array(PIL.Image.open(file)).reshape(pixels.shape))
        return tv_tensors.wrap(decoded.permute(2, 0, 1), like=image), mask


@dataclass(frozen=True)
class Dropout:
    """Rectangles become black in the image and void in the mask.

    Args:
        most: The largest number of rectangles.
        size: Smallest and largest height and width, in parts of the image's.
        void: The value of void in masks.
    """

    most: int
    size: tuple[float, float]
    void: int

    def __call__(self, image: tv_tensors.Image, mask: tv_tensors.Mask) -> tuple[Tensor, Tensor]:
        """Image and mask without what is under the rectangles."""
        pixels, values = image.as_subclass(Tensor).clone(), mask.as_subclass(Tensor).clone()
        for _ in range(int(torch.randint(self.most + 1, ()))):
            rows, columns = (self._draw(length) for length in values.shape[-2:])
            pixels[..., rows, columns] = 0
            values[..., rows, columns] = self.void
        return tv_tensors.wrap(pixels, like=image), tv_tensors.wrap(values, like=mask)

    def _draw(self, length: int) -> slice:
        part = max(1, round(_uniform(*self.size) * length))
        start = int(torch.randint(length - part + 1, ()))
        return slice(start, start + part)


def steps_of(augmentation: Augmentation, *, void: int) -> list[Step]:
    """The steps that follow scaling, rotation and crop; those that are off are left out.

    Args:
        augmentation: The options.
        void: The value of void in masks.
    """
    steps: list[Step] = []
    if augmentation.horizontal_flip > 0:
        steps.append(v2.RandomHorizontalFlip(augmentation.horizontal_flip))
    if augmentation.vertical_flip > 0:
        steps.append(v2.RandomVerticalFlip(augmentation.vertical_flip))
    if augmentation.color_jitter > 0 or augmentation.hue > 0:
        jitter = augmentation.color_jitter
        steps.append(v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter, hue=augmentation.hue))
    if augmentation.grayscale > 0:
        steps.append(v2.RandomGrayscale(augmentation.grayscale))
    if augmentation.blur > 0:
        steps.append(Blur(augmentation.blur))
    if augmentation.noise > 0:
        steps.append(Noise(augmentation.noise))
    if augmentation.jpeg is not None:
        steps.append(Jpeg(augmentation.jpeg))
    if augmentation.dropout > 0:
        steps.append(Dropout(augmentation.dropout, augmentation.dropout_size, void))
    return steps


def _uniform(low: float, high: float) -> float:
    return torch.empty(()).uniform_(low, high).item()


def _white(image: Tensor) -> int:
    return 255 if image.dtype == torch.uint8 else 1


def _as_before(pixels: Tensor, image: tv_tensors.Image) -> Tensor:
    """Floating-point pixels in the type and the range of the image that they were."""
    pixels = pixels.clamp(0, _white(image))
    changed: Tensor = tv_tensors.wrap(pixels.round().to(image.dtype) if _white(image) == 255 else pixels, like=image)
    return changed
