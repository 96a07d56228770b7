"""The flips and scales of test-time augmentation. They can be given and checked without importing torch."""

import math
from dataclasses import dataclass

from feedbackward.errors import InputError


@dataclass(frozen=True)
class Augment:
    """The images that are segmented in place of one; by default the image itself.

    Args:
        flip: Also segment the image flipped horizontally.
        scales: Factors of height and width. Include 1 for the image's own size.

    Raises:
        InputError: If there is no scale, or one is not positive.

    Example:
        >>> bool(Augment()), bool(Augment(flip=True))
        (False, True)
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            raise InputError(f"scales are {list(self.scales)}; expected positive factors, such as 0.75 1 1.25")

    def __bool__(self) -> bool:
        return self != Augment()
