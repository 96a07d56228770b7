"""The channels that a network takes, from those that an image file has, by lossless conversions alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data.members import File
from feedbackward.data.stored import Layout
from feedbackward.errors import InputError
from feedbackward.preprocessing import Channels


def check_channels(layout: Layout, channels: Channels, path: File | str) -> None:
    """Refuse an image whose channels cannot become those of a network, as far as its header tells.

    Args:
        layout: The channels of the file.
        channels: Those of the network.
        path: The file, or another name of the image, for messages.

    Raises:
        InputError: If they cannot.
    """
    if isinstance(channels, int):
        if layout.channels != channels:
            raise InputError(
                f"{path} has {layout}; expected {channels}, the number of channels of the network: save the image with "
                f"as many, or train a network with channels {_name(layout)}"
            )
    elif layout.colors is None and layout.channels not in (1, 3):
        raise InputError(
            f"{path} has {layout}; expected {channels}: save the image with those that are its colors, or train a "
            f"network with channels {layout.channels}"
        )


def is_certain(layout: Layout, channels: Channels) -> bool:
    """Whether an image that passed check_channels has those channels, whatever its pixels are."""
    return isinstance(channels, int) or not (layout.alpha or (channels == "gray" and layout.channels > 1))


def select_channels(pixels: NDArray[Any], layout: Layout, channels: Channels, path: File | str) -> NDArray[Any]:
    """The channels of a network, from the pixels of an image that passed check_channels.

    Args:
        pixels: (H, W, C), uint8, uint16 or float32.
        layout: Their channels.
        channels: "RGB", "gray", or a number, which takes all channels as they are stored. "BGR" gives RGB: the
            preprocessing of the network changes the order.
        path: The file, or another name of the image, for messages.

    Returns:
        (H, W, 3), (H, W, 1), or (H, W, channels), of the same type.

    Raises:
        InputError: If the image is transparent, or has colors although gray is expected.
    """
    if isinstance(channels, int):
        return pixels
    if layout.alpha:
        pixels = _without_alpha(pixels, layout, channels, path)
    if layout.colors == "CMYK":
        pixels = _cmyk_to_rgb(pixels, path)
    gray = pixels.shape[2] == 1
    if channels != "gray":
        return np.repeat(pixels, 3, axis=2) if gray else pixels
    if not gray and not (pixels == pixels[..., :1]).all():
        raise InputError(
            f"{path} has colors; expected a gray image: convert it to gray, or train a network with channels RGB"
        )
    return np.ascontiguousarray(pixels[..., :1])


def count_transparent(pixels: NDArray[Any]) -> int:
    """The number of pixels (H, W, C) whose last channel, alpha, is not opaque."""
    opaque = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return int(np.count_nonzero(pixels[..., -1] != opaque))


def _without_alpha(pixels: NDArray[Any], layout: Layout, channels: Channels, path: File | str) -> NDArray[Any]:
    if transparent := count_transparent(pixels):
        raise InputError(
            f"{path} is transparent ({transparent} of {pixels[..., -1].size} pixels); expected {channels}, where alpha "
            f"is ignored only if all pixels are opaque: save it without alpha, or train a network with channels "
            f"{layout.channels}, to which alpha is a channel like the others"
        )
    return np.ascontiguousarray(pixels[..., :-1])


def _cmyk_to_rgb(pixels: NDArray[Any], path: File | str) -> NDArray[np.uint8]:
    if pixels.dtype != np.uint8:
        raise InputError(f"{path} is a CMYK image of {pixels.dtype.name}; expected 8 bits: convert it to RGB")
    height, width, _ = pixels.shape
    image = Image.frombuffer("CMYK", (width, height), np.ascontiguousarray(pixels), "raw", "CMYK", 0, 1)
    return np.asarray(image.convert("RGB"))


def _name(layout: Layout) -> str:
    """The channels of a network that takes such images."""
    if layout.colors == "gray" and not layout.alpha:
        return "gray"
    return "RGB" if layout.colors == "RGB" and not layout.alpha else str(layout.channels)
