"""Reading masks and instance maps, with errors that name the file and the remedy."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.files import opened_image
from feedbackward.errors import InputError

MASK_SUFFIXES = (".png",)

_COLORS_HINT = (
    "Save the indices themselves, or, if the colors encode classes, set 'masks: colors' in a class file and use the "
    "data set folder"
)


def read_mask(path: Path, *, hint: str = _COLORS_HINT) -> NDArray[np.uint8]:
    """The values of a mask as uint8 (H, W); for a palette image the indices, not the colors.

    Args:
        path: The file.
        hint: What to do about a mask of colors; the end of the error message.

    Raises:
        InputError: If the file is missing, truncated or not an image of one 8-bit channel.
    """
    with opened_image(path) as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(
                f"{path} has more than 8 bits per pixel; expected an 8-bit mask of class indices: save it as uint8"
            )
        if image.mode not in ("L", "P", "1"):
            raise InputError(
                f"{path} has {len(image.getbands())} channels ({image.mode}); expected one channel of class "
                f"indices. {hint}"
            )
        return np.array(image).astype(np.uint8, copy=False)


def read_instance_ids(path: Path) -> NDArray[np.int32]:
    """The values of a 16-bit instance map as int32 (H, W).

    Raises:
        InputError: If the file is missing, truncated or not an image of one 16-bit channel.
    """
    with opened_image(path) as image:
        if not image.mode.startswith("I"):
            raise InputError(
                f"{path} is not a 16-bit instance map ({image.mode}); expected one 16-bit channel of label "
                f"id * 1000 + number. Maps converted to 8 bits have lost their classes: copy the "
                f"original again"
            )
        return np.array(image).astype(np.int32)
