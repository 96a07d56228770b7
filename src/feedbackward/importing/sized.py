"""Drawings for images of a known size: an image that was resized or rotated after the annotation is refused."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.importing.found import Drawing


@dataclass(frozen=True)
class Sized:
    """A drawing in the pixels of an image.

    Args:
        drawing: What draws it.
        height: The height of the annotated image.
        width: Its width.
        image: The image, for messages.
        annotation: The annotation file, for messages.
    """

    drawing: Drawing
    height: int
    width: int
    image: Path
    annotation: Path

    def draw(self, height: int, width: int) -> NDArray[np.uint8 | np.uint16]:
        """As Drawing.draw.

        Raises:
            InputError: If the image has another size.
        """
        if (height, width) != (self.height, self.width):
            raise InputError(
                f"{self.image} has {width} x {height} pixels; expected {self.width} x {self.height}, as "
                f"{self.annotation} says: put the image there that was annotated, not resized or rotated"
            )
        return self.drawing.draw(height, width)
