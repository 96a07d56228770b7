"""Pictures of segmentations: masks in color, overlays, error maps, legends, and pictures side by side.

All pictures are numpy arrays, uint8 (H, W, 3), RGB.
"""

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError

Picture: TypeAlias = NDArray[np.uint8]

VOID_COLOR = (0, 0, 0)
RIGHT, WRONG, UNCOUNTED = (250, 250, 250), (214, 39, 40), (170, 170, 170)
"""The colors of an error map; they also differ in lightness, for color-blind readers."""

_GAP = 8  # pixels between panels and around legends
_ROWS = 64  # blended at a time
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def paint(mask: NDArray[np.integer], table: ClassTable) -> Picture:
    """Color a mask by its classes, void in black.

    Args:
        mask: Class indices (H, W), ignore_index for void.
        table: The classes.

    Raises:
        InputError: If the mask contains a value outside the table.
    """
    _check_values(mask, table)
    picture: Picture = _by_value(np.array(table.colors), VOID_COLOR, table).astype(np.uint8)[mask]
    return picture


def viewable(image: NDArray[np.generic]) -> Picture:
    """Convert an image of any number of bands and bits to one that screens show.

    Of three bands or more the first three become red, green and blue; otherwise the first becomes gray. Other values
    than 8-bit ones are scaled: from 0 to 1 if all of them lie there, otherwise from the smallest to the largest of the
    bands that are shown. Nan becomes 0.

    Args:
        image: (H, W, C) of any type.

    Example:
        >>> viewable(np.array([[[0], [2048], [4095]]], np.uint16))[..., 0].tolist()
        [[0, 128, 255]]
    """
    bands: NDArray[Any] = image[..., :3] if image.shape[2] >= 3 else image[..., :1].repeat(3, axis=2)
    if bands.dtype == np.uint8:
        return bands
    values: NDArray[np.float32] = np.nan_to_num(bands.astype(np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0, 1
    scale = 255 / (high - low) if high > low else 0
    shown: Picture = np.rint((values - low) * scale).astype(np.uint8)
    return shown


def overlay(
    image: Picture,
    mask: NDArray[np.integer],
    table: ClassTable,
    *,
    alpha: float = 0.5,
    unpainted: int | None = None,
) -> Picture:
    """Blend the colors of a mask into an image; void pixels keep the image.

    Args:
        image: uint8 (H, W, 3).
        mask: Class indices (H, W).
        table: The classes.
        alpha: Opacity of the colors, 0 to 1.
        unpainted: A class whose pixels keep the image too.

    Raises:
        InputError: If mask and image differ in size, alpha is outside 0 to 1, or the mask contains a value outside the
            table.
    """
    _check_sizes(image.shape[:2], mask.shape)
    _check_values(mask, table)
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha is {alpha}; expected an opacity from 0 to 1")
    # In 256ths, with 16 bits, and some rows at a time: a quarter of the time and memory of floating point.
    opacity = np.full(len(table), round(alpha * 256), np.int64)
    if unpainted is not None:
        opacity[unpainted] = 0
    kept = _by_value(256 - opacity, 256, table)
    added = _by_value(opacity[:, None] * np.array(table.colors) + 128, (128, 128, 128), table)
    mixed = np.empty_like(image)
    for top in range(0, len(image), _ROWS):
        rows = slice(top, top + _ROWS)
        for band in range(3):
            mixed[rows, :, band] = (image[rows, :, band] * kept[mask[rows]] + added[:, band][mask[rows]]) >> 8
    return mixed


def contours(
    image: Picture, mask: NDArray[np.integer], table: ClassTable, *, width: int, unpainted: int | None = None
) -> Picture:
    """Draw the borders between classes into an image, on each side in the color of its class; void has none.

    Args:
        image: uint8 (H, W, 3).
        mask: Class indices (H, W).
        table: The classes.
        width: Width of a line in pixels.
        unpainted: A class without lines on its side.

    Raises:
        InputError: If mask and image differ in size, or the mask contains a value outside the table.
    """
    _check_sizes(image.shape[:2], mask.shape)
    line = np.zeros(mask.shape, bool)
    _spread(line, mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1])
    for _ in range(width - 1):
        _spread(line, line[1:] | line[:-1], line[:, 1:] | line[:, :-1])
    line &= mask != table.ignore_index
    if unpainted is not None:
        line &= mask != unpainted
    picture: Picture = image.copy()
    picture[line] = paint(mask[line], table)
    return picture


def _spread(line: NDArray[np.bool_], down: NDArray[np.bool_], right: NDArray[np.bool_]) -> None:
    """Add both pixels of each pair of neighbors, one below or right of the other."""
    line[1:] |= down
    line[:-1] |= down
    line[:, 1:] |= right
    line[:, :-1] |= right


def circled(picture: Picture, at: tuple[int, int]) -> Picture:
    """Draw a ring around a pixel, white on black so that it is seen on any picture.

    Args:
        picture: uint8 (H, W, 3).
        at: The pixel, x and y.
    """
    canvas, (x, y) = Image.fromarray(picture), at
    radius = max(4, max(canvas.size) // 60)
    draw = ImageDraw.Draw(canvas)
    box = (x - radius, y - radius, x + radius, y + radius)
    draw.ellipse(box, outline=(0, 0, 0), width=max(4, radius // 2))
    draw.ellipse(box, outline=(255, 255, 255), width=max(2, radius // 4))
    return np.array(canvas)


def errors(prediction: NDArray[np.integer], mask: NDArray[np.integer], table: ClassTable) -> Picture:
    """Color the pixels of a prediction: wrong ones red, right ones white, void ones gray.

    Args:
        prediction: Class indices (H, W).
        mask: Class indices of the truth (H, W).
        table: The classes.

    Raises:
        InputError: If the two differ in size.
    """
    _check_sizes(prediction.shape, mask.shape)
    verdict = np.where(mask == table.ignore_index, 2, prediction != mask)
    return np.array([RIGHT, WRONG, UNCOUNTED], np.uint8)[verdict.astype(np.intp)]


def present(table: ClassTable, *masks: NDArray[np.integer]) -> list[int]:
    """The classes that occur in the masks, in ascending order, without void."""
    values: set[int] = set().union(*(np.unique(mask).tolist() for mask in masks))
    return sorted(values & set(range(len(table))))


def legend(table: ClassTable, classes: Collection[int], *, width: int, font_size: int = 14) -> Picture:
    """Draw a legend: a patch of each class's color beside its name, in equal columns.

    Args:
        table: The classes.
        classes: Indices of the classes to show.
        width: Width of the picture in pixels; it is wider if the longest name does not fit.
        font_size: Font size in pixels.
    """
    font = ImageFont.load_default(font_size)
    names = [table.names[index] for index in classes]
    patch, row = font_size, round(font_size * 1.5)
    widest = max((font.getlength(name) for name in names), default=0)
    column = patch + 2 * _GAP + int(widest)
    width = max(width, _GAP + column)
    columns = (width - _GAP) // column
    rows = -(-len(names) // columns)
    canvas = Image.new("RGB", (width, rows * row + _GAP), _PAPER)
    draw = ImageDraw.Draw(canvas)
    for place, (index, name) in enumerate(zip(classes, names, strict=True)):
        left = _GAP + place % columns * ((width - _GAP) // columns)
        top = _GAP // 2 + place // columns * row
        middle = top + row // 2
        box = (left, middle - patch // 2, left + patch, middle + patch // 2)
        draw.rectangle(box, fill=table.colors[index], outline=_INK)
        draw.text((left + patch + _GAP // 2, middle), name, fill=_INK, font=font, anchor="lm")
    return np.array(canvas)


def with_legend(picture: Picture, table: ClassTable, classes: Collection[int]) -> Picture:
    """Add the legend of some classes below a picture; without classes there is none."""
    if not classes:
        return picture
    height, width = picture.shape[:2]
    below = legend(table, classes, width=width, font_size=_font_size(height))
    canvas = np.full((height + below.shape[0], below.shape[1], 3), 255, np.uint8)
    canvas[:height, :width], canvas[height:] = picture, below
    return canvas


def side_by_side(panels: Sequence[Picture], titles: Sequence[str]) -> Picture:
    """Arrange pictures in a row, each below its title, scaled to the height of the first.

    Args:
        panels: Pictures of any size.
        titles: One title for each.
    """
    height = panels[0].shape[0]
    scaled = [_to_height(panel, height) for panel in panels]
    font_size = _font_size(height)
    font = ImageFont.load_default(font_size)
    bar = round(font_size * 1.6)
    width = sum(panel.shape[1] for panel in scaled) + _GAP * (len(panels) - 1)
    canvas = Image.new("RGB", (width, bar + height), _PAPER)
    draw = ImageDraw.Draw(canvas)
    left = 0
    for panel, title in zip(scaled, titles, strict=True):
        draw.text((left, bar // 2), title, fill=_INK, font=font, anchor="lm")
        canvas.paste(Image.fromarray(panel), (left, bar))
        left += panel.shape[1] + _GAP
    return np.array(canvas)


def _by_value(of_classes: NDArray[Any], of_void: int | Sequence[int], table: ClassTable) -> NDArray[np.uint16]:
    """An array to be indexed with a mask: the values of the classes, (classes, ...), and that of void."""
    rows = len(table) + abs(table.ignore_index) + 1  # a negative ignore_index counts from the end
    values = np.zeros((rows, *of_classes.shape[1:]), np.uint16)
    values[: len(table)] = of_classes
    values[table.ignore_index] = of_void
    return values


def _check_values(mask: NDArray[np.integer], table: ClassTable) -> None:
    outside = mask[((mask < 0) | (mask >= len(table))) & (mask != table.ignore_index)]
    if outside.size:
        raise InputError(
            f"mask value {outside.flat[0]} is outside the class table; expected 0 to {len(table) - 1}, or "
            f"{table.ignore_index} for void"
        )


def _to_height(panel: Picture, height: int) -> Picture:
    if panel.shape[0] == height:
        return panel
    width = max(1, round(panel.shape[1] * height / panel.shape[0]))
    return np.array(Image.fromarray(panel).resize((width, height), Image.Resampling.BICUBIC))


def _font_size(height: int) -> int:
    """A font size that is readable beside a picture of that height, also when it is scaled to a page."""
    return max(12, height // 26)


def _check_sizes(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    if first != second:
        raise InputError(f"sizes differ: {first[0]}x{first[1]} and {second[0]}x{second[1]} (height x width)")
