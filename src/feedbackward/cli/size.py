"""The size of an image as it is given on the command line."""

from feedbackward.data.transforms import Size
from feedbackward.errors import InputError


def height_width(size: str) -> Size:
    """Height and width from "H,W".

    Raises:
        InputError: If these are not two whole numbers from 1.
    """
    try:
        height, width = (int(number) for number in size.split(","))
    except ValueError as error:
        raise InputError(f"--size is {size!r}; expected height and width, such as 512,1024") from error
    if min(height, width) < 1:
        raise InputError(f"--size is {size!r}; expected a height and a width of at least 1")
    return height, width
