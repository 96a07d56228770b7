"""What a segmenter can be called with in Python: paths, Pillow images, arrays and tensors, as images (H, W, C)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from feedbackward.data.channels import check_channels, select_channels
from feedbackward.data.large import LargeImage, read_unless_large
from feedbackward.data.pillow_images import layout_of
from feedbackward.data.stored import Layout
from feedbackward.errors import InputError
from feedbackward.preprocessing import Channels

if TYPE_CHECKING:
    from torch import Tensor

Source: TypeAlias = "str | Path | Image.Image | NDArray[Any] | Tensor"
"""An image in any form."""


def as_image(source: Source, channels: Channels) -> NDArray[Any] | LargeImage:
    """Convert an image in any form, without loss, to an array with the channels that a network takes.

    Args:
        source: The path of a file, a Pillow image, an array (H, W, C) or (H, W), or a tensor (C, H, W) or (H, W).
            Colors are RGB. Values are 8-bit, 16-bit, or floating-point ones, which must be in [0, 1] unless the network
            has another range.
        channels: The channels of the network.

    Returns:
        (H, W, C), uint8, uint16 or floating point, or a large image for the path of one. Images with EXIF data are
        turned upright.

    Raises:
        InputError: If the source is none of these, is damaged, has masked values, or its channels cannot become those
            of the network without loss.

    Example:
        >>> as_image(np.zeros((2, 3), np.uint8), "RGB").shape
        (2, 3, 3)
    """
    if isinstance(source, (str, Path)):
        return read_unless_large(Path(source), channels)
    if isinstance(source, Image.Image):
        pixels, layout = _from_pillow(source)
    elif isinstance(source, np.ndarray):
        pixels, layout = _with_layout(source, "(H, W, C) or (H, W)")
    elif (torch := sys.modules.get("torch")) is not None and isinstance(source, torch.Tensor):
        pixels, layout = _from_tensor(source)
    else:
        raise InputError(
            f"an image of type {type(source).__name__}; expected a path, a Pillow image, an array or a tensor"
        )
    name = f"the {type(source).__name__}"
    check_channels(layout, channels, name)
    return select_channels(np.ascontiguousarray(pixels), layout, channels, name)


def _from_pillow(image: Image.Image) -> tuple[NDArray[Any], Layout]:
    mode, layout = layout_of(image)
    if layout is None:
        raise InputError(f"a Pillow image of mode {mode}; convert it to L, RGB, I;16 or F first")
    if 0 in image.size:
        raise InputError(
            f"a Pillow image of {image.height}x{image.width} (height x width); expected at least one pixel"
        )
    try:
        upright = ImageOps.exif_transpose(image)  # Pillow decodes a file when its pixels are used
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"a Pillow image cannot be decoded: {error}; open its file again, or replace it") from error
    pixels = np.asarray(upright if upright.mode == mode else upright.convert(mode))
    return pixels.reshape(*pixels.shape[:2], layout.channels), layout


def _from_tensor(tensor: "Tensor") -> tuple[NDArray[Any], Layout]:
    try:
        values = tensor.detach().cpu()
        if values.is_floating_point() and values.element_size() < 4:
            values = values.float()  # NumPy has no bfloat16
        array = values.numpy(force=True)
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise InputError(
            f"a tensor of layout {tensor.layout} on {tensor.device} has no array of values; expected a dense tensor"
        ) from error
    return _with_layout(np.moveaxis(array, 0, -1) if array.ndim == 3 else array, "(C, H, W) or (H, W)")


def _with_layout(array: NDArray[Any], expected: str) -> tuple[NDArray[Any], Layout]:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"an image of shape {array.shape}; expected {expected}, at least one pixel")
    if np.ma.is_masked(array):
        raise InputError("an array with masked values; expected one without: fill them, with array.filled(VALUE)")
    array = np.asarray(array)  # a matrix would remain of two dimensions
    pixels = array if array.ndim == 3 else array[..., None]
    count = pixels.shape[2]
    colors = {1: Layout(1, "gray"), 3: Layout(3, "RGB")}
    return pixels, colors.get(count, Layout(count, None))
