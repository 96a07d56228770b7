"""Heat maps: values from 0 to 1 as colors, alone or over an image."""

import matplotlib
import numpy as np
from numpy.typing import NDArray

from feedbackward.viz.pictures import Picture

COLORS = matplotlib.colormaps["inferno"]
"""From black to bright yellow, ascending in lightness, for color-blind readers."""
_DIMMED = 0.55
"""The brightness of the gray image under a heat map."""
_STOPS = 6


def heat_map(values: NDArray[np.floating]) -> Picture:
    """Color values: 0 is black, 1 bright yellow; values outside are clipped.

    Args:
        values: (H, W).
    """
    picture: Picture = COLORS(np.clip(values, 0, 1), bytes=True)[..., :3]
    return picture


def heat_over(image: Picture, values: NDArray[np.floating]) -> Picture:
    """Draw values over a dimmed gray copy of an image: 0 leaves it, 1 covers it.

    Args:
        image: uint8 (H, W, 3).
        values: (H, W), clipped to 0 to 1.
    """
    opacity = np.clip(values, 0, 1)[..., None]
    gray = image.mean(2, keepdims=True) * _DIMMED
    mixed = gray * (1 - opacity) + heat_map(values) * opacity
    picture: Picture = np.rint(mixed).astype(np.uint8)
    return picture


def heat_scale() -> str:
    """The colors from 0 to 1 as a gradient of CSS, for the legend of a heat map."""
    stops = (COLORS(position, bytes=True)[:3] for position in np.linspace(0, 1, _STOPS))
    return f"linear-gradient(to right, {', '.join('rgb({}, {}, {})'.format(*stop) for stop in stops)})"
