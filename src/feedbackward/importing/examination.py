"""What one sample consists of: its image and its mask, decoded once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.files import decode_image
from feedbackward.data.opening import decoding, opened
from feedbackward.errors import InputError
from feedbackward.importing.duplicates import file_digest
from feedbackward.importing.found import Sample
from feedbackward.importing.mask_facts import MaskFacts, mask_facts, read_mask_facts
from feedbackward.text_files import open_file

_MAGICS = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG": "PNG",
    b"II": "TIFF",
    b"MM": "TIFF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"GIF": "GIF",
}
"""How files of these formats begin; those of JPEG 2000 have several beginnings."""


@dataclass(frozen=True)
class ImageFacts:
    """An image.

    Args:
        size: Height and width, upright.
        channels: What the channels are, such as "3 channels (RGB)".
        depth: Its bits, as they are read: "8 bits", "16 bits" or "float32".
        format: The format of the file, or "pixels of an archive".
        digest: A hash of the file.
    """

    size: tuple[int, int]
    channels: str
    depth: str
    format: str
    digest: bytes


@dataclass(frozen=True)
class Examined:
    """A sample, or what prevents reading it.

    Args:
        image: The image; a message if it cannot be read.
        mask: The mask; a message if it cannot be read, None if it could not be drawn because of the image.
        lossy: The compression that changes the mask's values, if that is why it cannot be read.
    """

    image: ImageFacts | str
    mask: MaskFacts | str | None
    lossy: str | None = None


def examine(sample: Sample, *, as_colors: bool) -> Examined:
    """Decode a sample.

    Args:
        sample: The sample.
        as_colors: Whether masks are read as colors, those with a palette too.
    """
    image: ImageFacts | str
    try:
        image = _array_facts(sample.image()) if callable(sample.image) else _image_facts(sample.image)
    except InputError as error:
        image = str(error)
    if isinstance(sample.mask, Path):
        try:
            return Examined(image, read_mask_facts(sample.mask, as_colors=as_colors))
        except InputError as error:
            return Examined(image, str(error), _lossy(sample.mask))
    if isinstance(image, str):
        return Examined(image, None)
    try:
        return Examined(image, mask_facts(sample.mask.draw(*image.size)))
    except InputError as error:
        return Examined(image, str(error))


def _image_facts(path: Path) -> ImageFacts:
    with decoding(path), open_file(path, expected="an image") as file:
        data = file.read()
    name = next((name for magic, name in _MAGICS.items() if data.startswith(magic)), "JPEG 2000")
    with opened(path) as image:
        pixels = decode_image(image, path, image.layout.channels)
        return ImageFacts(pixels.shape[:2], str(image.layout), _depth(pixels), name, file_digest(data))


def _array_facts(pixels: NDArray[Any]) -> ImageFacts:
    height, width, channels = pixels.shape
    digest = file_digest(np.ascontiguousarray(pixels).tobytes() + repr(pixels.shape).encode())
    what = f"{channels} channel{'s' if channels > 1 else ''}"
    return ImageFacts((height, width), what, _depth(pixels), "pixels of an archive", digest)


def _depth(pixels: NDArray[Any]) -> str:
    return {"uint8": "8 bits", "uint16": "16 bits"}.get(str(pixels.dtype), str(pixels.dtype))


def _lossy(path: Path) -> str | None:
    try:
        with opened(path) as image:
            return image.lossy
    except InputError:
        return None
