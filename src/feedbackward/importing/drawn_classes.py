"""The classes of drawn masks: the background, then those of the annotation."""

from collections.abc import Iterable

from feedbackward.errors import InputError
from feedbackward.importing.found import IGNORED

BACKGROUND = ("background", "_background_")
"""Names of classes that are the background, in any case."""


def class_values(names: Iterable[str]) -> dict[str, int]:
    """The value of each class in drawn masks, in ascending order; 0 is the background.

    Args:
        names: The classes of the annotation, in order; one name is one class. If the background is among them, it is
            not added.

    Raises:
        InputError: If there are too many for masks of 8 bits.

    Example:
        >>> class_values(["car", "road"])
        {'background': 0, 'car': 1, 'road': 2}
    """
    names = list(dict.fromkeys(names))
    background = next((name for name in names if is_background(name)), BACKGROUND[0])
    classes = [background, *(name for name in names if name != background)]
    if len(classes) >= IGNORED:
        raise InputError(
            f"{len(classes)} classes, the background included; drawn masks hold at most {IGNORED - 1}: merge classes, "
            f"or remove those that are not needed"
        )
    return {name: value for value, name in enumerate(classes)}


def is_background(name: str) -> bool:
    """Whether a class of an annotation is the background."""
    return name.lower() in BACKGROUND
