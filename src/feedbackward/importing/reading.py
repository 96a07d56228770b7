"""Reading the samples of a data set as they are, without converting them."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from feedbackward.data.encodings import IndexEncoding, MaskClasses
from feedbackward.data.files import decode_image
from feedbackward.data.opening import opened
from feedbackward.importing.found import Sample


def read_pixels(sample: Sample) -> NDArray[Any]:
    """The image (H, W, C) with the channels that it has; errors as in data.files.read_image."""
    if callable(sample.image):
        return sample.image()
    with opened(sample.image) as image:
        return decode_image(image, sample.image, image.layout.channels)


def read_indices(sample: Sample, size: tuple[int, int], classes: MaskClasses) -> NDArray[Any]:
    """The class indices (H, W) of the mask.

    Args:
        sample: The sample.
        size: Height and width of its image.
        classes: The classes and the encoding of the masks.

    Raises:
        InputError: If the mask cannot be read, does not fit the size, or has values outside the classes.
    """
    if isinstance(sample.mask, Path):
        return classes.encoding.read(sample.mask)
    assert isinstance(classes.encoding, IndexEncoding)  # drawings have no colors
    return classes.encoding.encode(sample.mask.draw(*size), Path(sample.name))
