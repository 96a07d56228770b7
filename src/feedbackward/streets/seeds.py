"""The seed and the name of each scene of a split."""

from feedbackward.data.arguments import SPLITS, Split
from feedbackward.errors import InputError


def scene_name(split: Split, index: int) -> str:
    """The scene's name as in Cityscapes, CITY_SEQUENCE_FRAME: the sequence is 0 for train, 1 for val, 2 for test."""
    return f"streets_{SPLITS.index(split):06d}_{index:06d}"


def scene_seed(seed: int, split: Split, index: int) -> tuple[int, int, int]:
    """The seed of a single scene."""
    return seed, SPLITS.index(split), index


def check_seed(seed: int) -> None:
    """Refuse a seed below 0.

    Raises:
        InputError: If it is.
    """
    if seed < 0:
        raise InputError(f"seed is {seed}; expected 0 or more")
