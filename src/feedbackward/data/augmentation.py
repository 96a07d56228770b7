"""The options of random augmentation, and whether they apply to the images of a data set."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from feedbackward.data.arguments import Size, check_size
from feedbackward.errors import InputError, one_line
from feedbackward.preprocessing import Preprocessing, scale_size

_RANGES: dict[str, tuple[float, float]] = {
    "horizontal_flip": (0, 1),
    "color_jitter": (0, 1),
    "vertical_flip": (0, 1),
    "rotation": (0, 180),
    "hue": (0, 0.5),
    "grayscale": (0, 1),
    "blur": (0, 100),
    "noise": (0, 1),
    "jpeg": (1, 100),
    "dropout": (0, 1000),
}


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
        vertical_flip: Probability of a vertical flip.
        rotation: Largest angle of a rotation in both directions, in degrees; the corners become black and void.
        crop_limit: Largest share of one class in a crop, void aside; up to 10 crops are drawn, and the last is taken.
        hue: Largest change of the hue, 0 to 0.5 (half the color circle); for RGB images.
        grayscale: Probability that all colors become gray; for RGB images.
        blur: Largest standard deviation of a Gaussian blur, in pixels.
        noise: Largest standard deviation of Gaussian noise, where 1 is the range of the values.
        jpeg: Lowest quality of a JPEG compression, 1 to 100; for 8-bit gray and RGB images. By default none.
        dropout: Largest number of rectangles that become black and void.
        dropout_size: Smallest and largest height and width of these rectangles, in parts of the image's.
        custom: What to apply after the steps above: a function of image and mask that returns both, or a transform of
            torchvision.transforms.v2. In a recipe the path by which it is imported.

    Raises:
        InputError: If a value is out of range.
    """

    horizontal_flip: float = 0.5
    scale: tuple[float, float] = (1.0, 1.0)
    crop: Size | None = None
    color_jitter: float = 0.0
    vertical_flip: float = 0.0
    rotation: float = 0.0
    crop_limit: float = 1.0
    hue: float = 0.0
    grayscale: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    dropout: int = 0
    dropout_size: tuple[float, float] = (0.05, 0.2)
    custom: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"augmentation: {name} is {value}; expected {least:g} to {most:g}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise InputError(f"augmentation: scale is {list(self.scale)}; expected [smallest, largest], both above 0")
        if not 0 < self.dropout_size[0] <= self.dropout_size[1] <= 1:
            raise InputError(
                f"augmentation: dropout_size is {list(self.dropout_size)}; expected [smallest, largest], both above 0 "
                f"and at most 1"
            )
        check_size("augmentation: crop", self.crop)
        if not 0 < self.crop_limit <= 1:
            raise InputError(f"augmentation: crop_limit is {self.crop_limit}; expected above 0 and at most 1")
        if self.crop_limit < 1 and self.crop is None and self.scale == (1.0, 1.0):
            raise InputError("augmentation: crop_limit is given and images are not cropped; set crop, or scale")
        if self.custom is not None and not callable(self.custom):
            raise InputError(
                f"augmentation: custom is {self.custom!r}; expected a function of image and mask, or a transform of "
                f"torchvision.transforms.v2"
            )


RECOMMENDED = Augmentation(scale=(0.75, 1.5))
"""The augmentation that the study recommends; the paper's flips only."""


def check_augmentation(augmentation: Augmentation, preprocessing: Preprocessing, *, workers: int) -> None:
    """Check that an augmentation suits the images of a data set.

    Args:
        augmentation: The augmentation.
        preprocessing: How the images are read and resized.
        workers: The number of processes that load images.

    Raises:
        InputError: If an option is for other images, the crop is larger than every image, or the workers cannot have
            the custom transform.
    """
    _check_kind(augmentation, preprocessing)
    _check_crop(augmentation, preprocessing)
    if workers > 0:
        try:
            pickle.dumps(augmentation.custom)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                f"augmentation: custom cannot be sent to the processes that load images ({one_line(error)}); define it "
                f"at the top of a module, or set num_workers to 0"
            ) from error


def _check_kind(augmentation: Augmentation, preprocessing: Preprocessing) -> None:
    count = preprocessing.in_channels
    found = "are gray" if count == 1 else f"have {preprocessing.channels} bands"
    for name, kind, counts in (
        ("color_jitter", "gray and RGB", (1, 3)),
        ("hue", "RGB", (3,)),
        ("grayscale", "RGB", (3,)),
        ("jpeg", "8-bit gray and RGB", (1, 3)),
    ):
        if getattr(augmentation, name) and count not in counts:
            raise InputError(f"augmentation: {name} is for {kind} images, and these {found}; omit it")
    if augmentation.jpeg is not None and preprocessing.value_range not in (None, (0, 255)):
        raise InputError(
            f"augmentation: jpeg is for 8-bit images, and these have the value_range "
            f"{list(preprocessing.value_range or ())}; omit it"
        )


def _check_crop(augmentation: Augmentation, preprocessing: Preprocessing) -> None:
    crop, size = augmentation.crop, preprocessing.resize.size
    if crop is None or size is None:
        return
    largest = scale_size(size, augmentation.scale[1])
    if crop[0] > largest[0] and crop[1] > largest[1]:
        raise InputError(
            f"augmentation: the crop {list(crop)} is larger than every image, at most {list(largest)} after resizing "
            f"to size {list(size)}; omit the crop, which then is the size, or make it smaller"
        )
