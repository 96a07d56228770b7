"""What the headers of image files say, and the range of values that 8 bits do not hold."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from feedbackward.data.files import read_image, upright_size
from feedbackward.data.members import File
from feedbackward.data.opening import opened
from feedbackward.errors import InputError, listed


@dataclass(frozen=True)
class ImageKind:
    """What all images of a data set have in common.

    Args:
        sizes: How many images have each height and width.
        channels: The number of their channels, without alpha where there are colors or gray and alpha.
        dtype: The type of their values: uint8, uint16 or float32.
    """

    sizes: Counter[tuple[int, int]]
    channels: int
    dtype: str


def read_kind(paths: Sequence[File]) -> ImageKind:
    """Read the headers of images, on all cores; gray images among colored ones count as colored.

    Raises:
        InputError: If a file cannot be read, or the images differ in channels or in the type of their values.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(_read, paths))
    channels = Counter(3 if count in (1, 3) else count for _, count, _ in found)
    if all(count == 1 for _, count, _ in found):
        channels = Counter({1: len(found)})
    for what, counts in (("channels", channels), ("types of values", Counter(dtype for *_, dtype in found))):
        if len(counts) > 1:
            kinds = listed(f"{kind} in {count} images" for kind, count in sorted(counts.items()))
            raise InputError(f"the images have different {what}: {kinds}; a network takes one kind: convert the others")
    return ImageKind(Counter(size for size, *_ in found), next(iter(channels)), found[0][2])


def value_range(paths: Sequence[File], kind: ImageKind) -> tuple[float, float] | None:
    """The pixel values that are to become 0 and 1; None where those of the type do, as in images of 8 bits.

    For whole numbers this is from 0 to the largest one of as many bits as the values need, such as 4095. For floats it
    is from 0, or minus a power of two, to a power of two, so that other images are likely to be within it too. All
    images are read, on all cores.

    Args:
        paths: The training images.
        kind: What read_kind has found.

    Raises:
        InputError: If an image cannot be read.
    """
    if kind.dtype == "uint8":
        return None

    def ends(path: File) -> tuple[float, float]:
        pixels = read_image(path, "RGB" if kind.channels == 3 else kind.channels)
        return float(pixels.min()), float(pixels.max())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        lowest, highest = np.array(list(pool.map(ends, paths))).T
    low, high = float(lowest.min()), float(highest.max())
    if kind.dtype == "uint16":
        return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    widened = -_power_of_two(-low), _power_of_two(high)
    return widened if widened[0] < widened[1] else (0.0, 1.0)


def _power_of_two(value: float) -> float:
    """The next power of two, or 0 for a value that is not positive."""
    return 2.0 ** math.ceil(math.log2(value)) if value > 0 else 0.0


def _read(path: File) -> tuple[tuple[int, int], int, str]:
    with opened(path) as image:
        layout = image.layout
        colors = layout.channels - layout.alpha
        channels = colors if colors in (1, 3) else layout.channels
        return upright_size(image), channels, np.dtype(image.dtype).name
