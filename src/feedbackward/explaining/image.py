"""The image that is explained: read and resized as the network does it, and reduced if it is large."""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.large import LargeImage
from feedbackward.data.transforms import EvalTransform
from feedbackward.nn.resize import pad_to
from feedbackward.preprocessing import Preprocessing, Resize, scale_size
from feedbackward.segmenters.inputs import Source, as_image
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.reduced import LONGEST_SIDE, ReducedCopy
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.viz.pictures import Picture, viewable

MOST_PIXELS = 512 * 1024
"""Larger images are reduced, so that an explanation takes seconds."""
_ROWS = 256


@dataclass(frozen=True)
class ExplainedImage:
    """An image as the network sees it in an explanation.

    Args:
        unit: Its values from 0 to 1, float32 (1, C, h, w).
        picture: The same for screens, uint8 (h, w, 3).
        own_size: The height and width of the file.
        is_reduced: Whether it is smaller than the network would see it in prediction.
    """

    unit: Float[Tensor, "1 c h w"]
    picture: Picture
    own_size: tuple[int, int]
    is_reduced: bool

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.picture.shape[0], self.picture.shape[1]

    def pixel(self, x: int, y: int) -> tuple[int, int]:
        """The x and y here of a pixel of the file."""
        (height, width), (own_height, own_width) = self.size, self.own_size
        return x * width // own_width, y * height // own_height

    def own_pixel(self, x: int, y: int) -> tuple[int, int]:
        """The x and y in the file of a pixel here: the first one that pixel() maps to it, or the nearest."""
        (height, width), (own_height, own_width) = self.size, self.own_size
        return min(-(-x * own_width // width), own_width - 1), min(-(-y * own_height // height), own_height - 1)


def explained_image(source: Source, preprocessing: Preprocessing) -> ExplainedImage:
    """Read an image as a network does, with at most MOST_PIXELS pixels, and sides of at most LONGEST_SIDE.

    A strip of few pixels would be padded to many times as many.

    Args:
        source: The image in any form.
        preprocessing: How the network reads and resizes images.

    Raises:
        InputError: If the image cannot be read, or has other channels or values than the network takes.
    """
    image = as_image(source, preprocessing.channels)
    own_size = image.size if isinstance(image, LargeImage) else (image.shape[0], image.shape[1])
    pixels = _reduced_copy(image) if isinstance(image, LargeImage) else image
    seen = preprocessing.resize.output_size(own_size)
    factor = min(1.0, sqrt(MOST_PIXELS / (seen[0] * seen[1])), LONGEST_SIDE / max(seen))
    size = scale_size(seen, factor)
    unit = EvalTransform(replace(preprocessing, resize=Resize(size=size))).image(pixels)
    bytes_ = (unit * 255).round().byte().permute(1, 2, 0).numpy()
    return ExplainedImage(unit[None], viewable(bytes_), own_size, size != seen)


def logits_of_image(segmenter: Segmenter, image: ExplainedImage) -> Float[Tensor, "1 classes h w"]:
    """The logits of all tasks of a segmenter at the image's size."""
    height, width = image.size
    padded = pad_to(image.unit, segmenter.padded_size((height, width)))
    return Normalized(segmenter).logits(padded)[..., :height, :width]


def _reduced_copy(image: LargeImage) -> NDArray[np.generic]:
    with image.open() as bands:
        copy = ReducedCopy(bands)
        for top in range(0, bands.height, _ROWS):
            copy.read(top, min(top + _ROWS, bands.height))
    return copy.image
