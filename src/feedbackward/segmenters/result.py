"""The result of segmenting one image. It imports no torch: exported files run without it."""

import io
import os
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.segmenters.background import background_class
from feedbackward.segmenters.polygons import Polygon, find_polygons
from feedbackward.segmenters.reduced import reduce_mask
from feedbackward.viz import pictures

_NOTEBOOK_SIDE = 1024
"""The longest side of the picture in a notebook, in pixels."""

_ROWS = 256
"""Rows whose pixels are counted at a time."""

_SIDE_PER_LINE = 200
"""Contours are one pixel wide for so many pixels of the image's shorter side."""


class Result:
    """The classes of an image's pixels.

    Args:
        image: The image as it was read, (H, W, C), or a reduced copy of it, for pictures.
        mask: Class indices (H, W), uint8 or uint16; the table's ignore_index where no class was chosen.
        table: The classes.
        probabilities: float32 (classes, H, W), if they were computed.

    Example:
        >>> table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
        >>> result = Result(np.zeros((2, 2, 3), np.uint8), np.array([[1, 1], [0, 1]], np.uint8), table)
        >>> result.shares
        {'sky': 0.75, 'road': 0.25}
    """

    def __init__(
        self,
        image: NDArray[Any],
        mask: NDArray[np.uint8] | NDArray[np.uint16],
        table: ClassTable,
        probabilities: NDArray[np.float32] | None = None,
    ) -> None:
        self.image = image
        self.mask = mask
        self.table = table
        self._probabilities = probabilities

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probability of each class, float32 (classes, H, W).

        Raises:
            InputError: If they were not computed.
        """
        if self._probabilities is None:
            raise InputError(
                "the probabilities of this result were not computed; load the network with "
                "fb.load(MODEL, probabilities=True); for images of more than 100 megapixels there are none"
            )
        return self._probabilities

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of each pixel's class, float32 (H, W); 0 where no class was chosen.

        Raises:
            InputError: If the probabilities were not computed.
        """
        probabilities = self.probabilities
        void = self.mask == self.table.ignore_index
        chosen = np.where(void, 0, self.mask).astype(np.intp)
        confidence: NDArray[np.float32] = np.take_along_axis(probabilities, chosen[None], axis=0)[0]
        confidence[void] = 0
        return confidence

    @cached_property
    def areas(self) -> dict[str, int]:
        """The number of pixels of each class that occurs, the largest first."""
        pixels = np.zeros(len(self.table), np.int64)
        for top in range(0, len(self.mask), _ROWS):  # bincount takes 8 bytes for each pixel
            rows = self.mask[top : top + _ROWS]
            pixels += np.bincount(rows.ravel(), minlength=len(self.table))[: len(self.table)]
        order = np.argsort(-pixels, kind="stable")
        return {self.table.names[index]: int(pixels[index]) for index in order if pixels[index]}

    @property
    def shares(self) -> dict[str, float]:
        """The share of the image's pixels of each class that occurs, the largest first."""
        return {name: area / self.mask.size for name, area in self.areas.items()}

    @property
    def classes(self) -> list[str]:
        """The names of the classes that occur, in the order of the table."""
        return [name for name in self.table.names if name in self.areas]

    def overlay(self, alpha: float = 0.5, legend: bool = True, background: str | None = None) -> Image.Image:
        """Blend the image with the colors of its classes, above a legend of the classes that occur.

        Of an image of several bands the first three are shown. Values of more than 8 bits are scaled to the range from
        the image's smallest to its largest, or from 0 to 1 if all of them lie there.

        Args:
            alpha: Opacity of the colors, 0 to 1.
            legend: Whether to add the legend.
            background: Name of the class that is left unpainted; "none" paints all. By default the class named
                "background" is.

        Raises:
            InputError: If alpha is outside 0 to 1, or no class is named like that.
        """
        bare = background_class(self.table, background)
        seen = pictures.viewable(self.image)
        picture = pictures.overlay(seen, self._seen_mask, self.table, alpha=alpha, unpainted=bare)
        return self._drawn(picture, bare, legend)

    def contours(self, legend: bool = True, background: str | None = None) -> Image.Image:
        """Draw the outlines of the classes into the image, above a legend of the classes that occur.

        Args:
            legend: Whether to add the legend.
            background: Name of the class without outlines; "none" if all have. By default the class named "background".

        Raises:
            InputError: If no class is named like that.
        """
        bare = background_class(self.table, background)
        seen = pictures.viewable(self.image)
        width = max(1, round(min(seen.shape[:2]) / _SIDE_PER_LINE))
        picture = pictures.contours(seen, self._seen_mask, self.table, width=width, unpainted=bare)
        return self._drawn(picture, bare, legend)

    @property
    def _seen_mask(self) -> NDArray[Any]:
        return reduce_mask(self.mask, (self.image.shape[0], self.image.shape[1]))

    def _drawn(self, picture: pictures.Picture, bare: int | None, legend: bool) -> Image.Image:
        shown = [index for index in pictures.present(self.table, self._seen_mask) if index != bare]
        return Image.fromarray(pictures.with_legend(picture, self.table, shown) if legend else picture)

    def polygons(self, background: str | None = None, tolerance: float = 0) -> list[Polygon]:
        """Find the polygons of the connected regions, along the sides of the pixels.

        Args:
            background: Name of the class without polygons; "none" if all have. By default the class named "background".
            tolerance: Polygons are simplified by about so many pixels; neighbors keep their common border. 0 is exact.

        Raises:
            InputError: If no class is named like that, the tolerance is negative, or a tolerance needs Shapely, which
                is not installed.
        """
        bare = background_class(self.table, background)
        return find_polygons(self.mask, self.table, background=bare, tolerance=tolerance)

    def save(self, path: str | Path, kinds: Sequence[str] = ("masks", "overlays")) -> None:
        """Write the result to a file, or to several files in a folder.

        Args:
            path: A folder, or a file, whose suffix selects the first kind in OUTPUTS with that suffix: .png the label
                PNG, .jpg the overlay, .npz the probabilities, .geojson the polygons, .json the shares.
            kinds: The files to write into a folder: names in `feedbackward.segmenters.outputs.OUTPUTS`.

        Raises:
            InputError: If no kind has that suffix or name, its probabilities were not computed, or a file cannot be
                written.
        """
        from feedbackward.segmenters.outputs import OutputOptions, find_outputs, output_of_suffix

        path, options = Path(path), OutputOptions()
        if path.suffix and not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir fails for names that are too long
            files = {path: output_of_suffix(path)}
        else:
            files = {path / f"{output.name}{output.suffix}": output for output in find_outputs(kinds)}
        for output in files.values():
            output.check(self.table, options)
        for file, output in files.items():
            write_whole(file, partial(output.write, self, options))

    def __repr__(self) -> str:
        height, width = self.mask.shape
        shares = ", ".join(f"{name} {share:.1%}" for name, share in self.shares.items())
        return f"Result({height}x{width}: {shares or 'no class'})"

    def _repr_png_(self) -> bytes:
        """The overlay, which a notebook shows."""
        step = -(-max(self.image.shape[:2]) // _NOTEBOOK_SIDE)
        small = Result(self.image[::step, ::step], self._seen_mask[::step, ::step], self.table)
        buffer = io.BytesIO()
        small.overlay().save(buffer, "PNG")
        return buffer.getvalue()
