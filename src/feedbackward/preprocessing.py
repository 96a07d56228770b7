"""Preprocessing of images: 8-bit values to [0, 1], then normalization with the encoder's mean and deviation.

It uses only methods that PyTorch tensors and NumPy arrays share, so that neither has to import the other.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Images = TypeVar("Images", "Tensor", NDArray[Any])
"""Images (N, C, H, W) or one image (C, H, W), as a tensor or an array."""


@dataclass(frozen=True)
class Preprocessing:
    """The statistics that normalize a network's images, one value per channel.

    Args:
        mean: The mean, subtracted from images in [0, 1].
        std: The standard deviation, by which the difference is divided.

    Example:
        >>> Preprocessing((0.5,), (0.25,))(np.ones((1, 1, 2), np.float32)).tolist()
        [[[2.0, 2.0]]]
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def identity(cls, channels: int) -> "Preprocessing":
        """No normalization: the images of the network are in [0, 1]."""
        return cls((0.0,) * channels, (1.0,) * channels)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; from_dict is its inverse."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Preprocessing":
        """Build the preprocessing from the plain data of to_dict."""
        return cls(tuple(map(float, data["mean"])), tuple(map(float, data["std"])))

    @property
    def channels(self) -> int:
        """The number of image channels."""
        return len(self.mean)

    def __call__(self, image: Images) -> Images:
        """Normalize floating-point images (..., channels, H, W) with values in [0, 1]; the shape stays the same."""
        normalized: Images = (image - _per_channel(self.mean, image)) / _per_channel(self.std, image)
        return normalized


def to_unit_range(image: Images) -> Images:
    """8-bit images as float32 in [0, 1], contiguous; floating-point images unchanged."""
    if image.dtype.itemsize > 1:
        return image
    if isinstance(image, np.ndarray):
        image = np.ascontiguousarray(image, np.float32)
        image /= 255
        return image
    return image.contiguous().float().div_(255)


def _per_channel(values: tuple[float, ...], like: Any) -> Any:
    array = np.asarray(values, like.dtype) if isinstance(like, np.ndarray) else like.new_tensor(values)
    return array[:, None, None]
