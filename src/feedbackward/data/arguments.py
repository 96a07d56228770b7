"""The split and the size of a data set, which can be given and checked without importing torch."""

from typing import Literal, TypeAlias

from feedbackward.errors import InputError

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""


def check_size(name: str, size: Size | None) -> None:
    """Refuse a height or width below 1.

    Args:
        name: What has the size; the message begins with it.
        size: Height and width, or None.

    Raises:
        InputError: If one is.
    """
    if size is not None and min(size) < 1:
        raise InputError(f"{name} is {list(size)}; expected [height, width], both 1 or more")
