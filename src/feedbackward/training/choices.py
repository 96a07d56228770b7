"""The defaults of `feedbackward train`, from the number and the sizes of the images."""

from collections import Counter
from statistics import median_low

from feedbackward.preprocessing import scale_size

LONGEST_SIDE = 512
"""Images are resized to this where most are larger."""
MULTIPLE = 32
"""Crops have sides of a multiple of this, where the images are as large."""
IMAGES_SEEN = 6000
"""A training sees about so many images, each as often as that takes."""
EPOCHS = (12, 200)
"""The fewest and the most epochs."""


def choose_epochs(images: int) -> int:
    """The number of epochs for a number of training images.

    Example:
        >>> choose_epochs(20), choose_epochs(400), choose_epochs(100_000)
        (200, 15, 12)
    """
    return min(max(-(-IMAGES_SEEN // images), EPOCHS[0]), EPOCHS[1])


def choose_longest_side(sizes: Counter[tuple[int, int]]) -> int | None:
    """The length of the longer side to which images of these heights and widths are resized; None to keep them.

    Example:
        >>> choose_longest_side(Counter({(360, 480): 3, (800, 600): 1}))
        >>> choose_longest_side(Counter({(360, 480): 1, (2000, 3000): 3}))
        512
    """
    return LONGEST_SIDE if median_low(map(max, sizes.elements())) > LONGEST_SIDE else None


def choose_crop(sizes: Counter[tuple[int, int]], longest_side: int | None) -> tuple[int, int] | None:
    """Height and width of the crops of images of these heights and widths; None if they all have one size.

    Args:
        sizes: How many images have each height and width.
        longest_side: The length to which the longer side is resized, if it is.

    Example:
        >>> choose_crop(Counter({(2000, 3000): 3, (3000, 2000): 1}), 512)
        (320, 512)
    """
    seen = Counter[tuple[int, int]]()
    for size, count in sizes.items():
        seen[size if longest_side is None else scale_size(size, longest_side / max(size))] += count
    if len(seen) == 1:
        return None
    heights, widths = zip(*seen.elements(), strict=True)
    return _multiple(median_low(heights)), _multiple(median_low(widths))


def _multiple(length: int) -> int:
    """The largest multiple of MULTIPLE up to a length, or the length if that is smaller."""
    return length // MULTIPLE * MULTIPLE or length
