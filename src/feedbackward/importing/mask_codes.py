"""A class file that fits the values or colors of masks."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from PIL import ImageColor

from feedbackward.data.encodings import unpack
from feedbackward.errors import InputError, listed
from feedbackward.importing.code_tally import Codes

BINARY = ("background", "foreground")
MOST_CODES = 64
"""More values or colors than these are not classes: they come from soft edges, lossy compression, or are no masks."""
SOFT = 0.9
"""Masks of gray values with soft edges have at least this share of pixels at 0 and 255."""
RAMP = (1, 64, 128, 192, 255)
"""Masks of gray values with soft edges have values in all of these four ranges: labels seldom do."""
FEW = 8
"""Masks with soft edges have more values."""
THRESHOLD = 128
"""Values of soft edges at or above this one belong to the second class."""
WHITE = 255
"""The value that is ignored beside values that count from 0 or 1."""


_COLOR_NAMES = {ImageColor.getrgb(name): name for name in ImageColor.colormap}
"""The names of HTML's colors."""


def describe_codes(codes: Codes, names: Sequence[str] = ()) -> dict[str, Any]:
    """The content of a class file for masks with these codes.

    Args:
        codes: The values or colors of all masks.
        names: The names of the classes, by ascending code; made up if there are none.

    Raises:
        InputError: If these cannot be classes, or the number of names does not fit.

    Example:
        >>> from collections import Counter
        >>> describe_codes(Codes(False, Counter({0: 90, 255: 10}), Counter({0: 2, 255: 1})), ["wall", "crack"])
        {'ignore': None, 'classes': [{'name': 'wall', 'value': 0}, {'name': 'crack', 'value': 255}]}
    """
    found = sorted(codes.pixels)
    if not codes.colors and _soft(codes):
        return {"threshold": THRESHOLD, "classes": _named([0, 255], _names(BINARY, names))}
    if len(found) > MOST_CODES:
        some = listed(map(unpack, found) if codes.colors else found, most=5)
        raise InputError(
            f"the masks have {len(found)} different {'colors' if codes.colors else 'values'}, such as {some}: too many "
            f"for classes. JPEG or interpolation makes such masks: export them again as PNG; or write a class file"
        )
    if codes.colors:
        colors = [unpack(code) for code in found]
        default = [_COLOR_NAMES.get(color, f"color_{'_'.join(map(str, color))}") for color in colors]
        entries = [
            {"name": name, "color": [*color]} for name, color in zip(_names(default, names), colors, strict=True)
        ]
        return {"masks": "colors", "classes": entries}
    if set(found) <= {0, 255}:
        return {"ignore": None, "classes": _named([0, 255], _names(BINARY, names))}
    ignored = WHITE if _counts_beside_white(found) and len(names) != len(found) else None
    values = [value for value in found if value != ignored]
    default = list(BINARY) if values == [0, 1] else [f"class_{value}" for value in values]
    return {"ignore": ignored, "classes": _named(values, _names(default, names))}


def assumptions(classes: Mapping[str, Any]) -> list[str]:
    """What a class file from describe_codes assumes about the masks, one line each.

    Example:
        >>> assumptions({"ignore": 255, "classes": [{"name": "a", "value": 0}, {"name": "b", "value": 1}]})
        ['255 in the masks is understood as pixels to ignore; if it is a class, write a class file that says so']
    """
    if "threshold" in classes:
        low, high = (entry["name"] for entry in classes["classes"])
        return [
            f"the masks have soft edges: values from {classes['threshold']} on are understood as {high}, lower ones as "
            f"{low}; if they are classes, write a class file that says so"
        ]
    if classes.get("ignore") == WHITE:
        return ["255 in the masks is understood as pixels to ignore; if it is a class, write a class file that says so"]
    return []


def _counts_beside_white(found: Sequence[int]) -> bool:
    """Whether 255 is among values that otherwise are consecutive from 0 or 1."""
    others = [value for value in found if value != WHITE]
    return WHITE in found and others in ([*range(len(others))], [*range(1, len(others) + 1)])


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
    """Whether most pixels are 0 or 255, and the others spread between them like a ramp."""
    found = codes.pixels
    if not {0, WHITE} <= found.keys() or max(found) > WHITE or len(found) <= FEW:
        return False
    ramp = all(any(start <= value < end for value in found) for start, end in pairwise(RAMP))
    return ramp and found[0] + found[WHITE] >= SOFT * found.total()
