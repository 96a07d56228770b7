"""Which values or colors mask files have, and a class file that fits them."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageColor

from feedbackward.data.encodings import Color
from feedbackward.data.masks import read_mask_codes
from feedbackward.errors import InputError, listed

BINARY = ("background", "foreground")
MOST_CODES = 64
"""More values or colors than these are not classes: they come from soft edges, lossy compression, or are no masks."""
SOFT = 0.9
"""Masks of gray values with soft edges have at least this share of pixels at 0 and 255."""


_COLOR_NAMES = {ImageColor.getrgb(name): name for name in ImageColor.colormap}
"""The names of HTML's colors."""


@dataclass(frozen=True)
class Codes:
    """The codes of masks: values, or colors as the number 65536 * red + 256 * green + blue.

    Args:
        colors: Whether they are colors.
        pixels: The number of pixels of each.
        masks: The number of masks in which each occurs.
    """

    colors: bool
    pixels: Counter[int]
    masks: Counter[int]


def count_codes(paths: Sequence[Path]) -> Codes:
    """Count the values or colors of masks, on all cores.

    They are colors if any mask has channels that differ.

    Raises:
        InputError: If a mask cannot be read.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = list(pool.map(_count, paths))
    colors = any(of_mask.colors for of_mask in counted)
    pixels, masks = Counter[int](), Counter[int]()
    for of_mask in counted:
        # A gray mask among colors: its values are the colors (v, v, v).
        scale = 0x010101 if colors and not of_mask.colors else 1
        for code, count in of_mask.pixels.items():
            pixels[code * scale] += count
            masks[code * scale] += 1
    return Codes(colors, pixels, masks)


def to_color(code: int) -> Color:
    """The color of a code.

    Example:
        >>> to_color(0xFF8000)
        (255, 128, 0)
    """
    return code >> 16, code >> 8 & 255, code & 255


def describe_codes(codes: Codes, names: Sequence[str] = ()) -> dict[str, Any]:
    """The content of a class file for masks with these codes.

    Args:
        codes: What count_codes returns.
        names: The names of the classes, by ascending code; made up if there are none.

    Raises:
        InputError: If these cannot be classes, or the number of names does not fit.

    Example:
        >>> describe_codes(Codes(False, Counter({0: 90, 255: 10}), Counter({0: 2, 255: 1})), ["wall", "crack"])
        {'ignore': None, 'classes': [{'name': 'wall', 'value': 0}, {'name': 'crack', 'value': 255}]}
    """
    found = sorted(codes.pixels)
    if not codes.colors and _soft(codes):
        return {"threshold": 128, "classes": _named([0, 255], _names(BINARY, names))}
    if len(found) > MOST_CODES:
        some = listed(map(to_color, found) if codes.colors else found, most=5)
        raise InputError(
            f"the masks have {len(found)} different {'colors' if codes.colors else 'values'}, such as {some}: too many "
            f"for classes. JPEG or interpolation makes such masks: export them again as PNG; or write a class file"
        )
    if codes.colors:
        colors = [to_color(code) for code in found]
        default = [_COLOR_NAMES.get(color, f"color_{'_'.join(map(str, color))}") for color in colors]
        entries = [
            {"name": name, "color": [*color]} for name, color in zip(_names(default, names), colors, strict=True)
        ]
        return {"masks": "colors", "classes": entries}
    if set(found) <= {0, 255}:
        return {"ignore": None, "classes": _named([0, 255], _names(BINARY, names))}
    ignored = 255 if 255 in found and len(names) != len(found) else None
    values = [value for value in found if value != ignored]
    default = list(BINARY) if values == [0, 1] else [f"class_{value}" for value in values]
    return {"ignore": ignored, "classes": _named(values, _names(default, names))}


def _names(default: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    if given and len(given) != len(default):
        raise InputError(
            f"{len(given)} names ({listed(given)}) for {len(default)} classes in the masks ({listed(default)}); give "
            f"one name for each, in this order"
        )
    return given or default


def _named(values: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in zip(names, values, strict=True)]


def _soft(codes: Codes) -> bool:
    ends = codes.pixels[0] + codes.pixels[255]
    return 0 in codes.pixels and 255 in codes.pixels and ends >= SOFT * codes.pixels.total() and len(codes.pixels) > 8


def _count(path: Path) -> Codes:
    pixels = read_mask_codes(path)
    colors = pixels.ndim == 3
    if colors and pixels.dtype != np.uint8:
        raise InputError(f"{path} has colors of more than 8 bits per channel; save the mask with 8 bits")
    found, counts = np.unique(pixels.astype(np.int32) @ [1 << 16, 1 << 8, 1] if colors else pixels, return_counts=True)
    return Codes(colors, Counter(dict(zip(found.tolist(), counts.tolist(), strict=True))), Counter(found.tolist()))
