"""What one sample consists of: its image and its mask, decoded once."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.files import decode_image
from feedbackward.data.masks import read_mask_codes, read_mask_colors
from feedbackward.data.opening import decoding, opened
from feedbackward.errors import InputError
from feedbackward.importing.found import Drawing, Sample

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
class MaskFacts:
    """A mask, read or drawn.

    Args:
        size: Height and width, upright.
        colors: Whether its codes are colors; see Codes.
        codes: The codes that occur, ascending.
        counts: The number of pixels of each.
    """

    size: tuple[int, int]
    colors: bool
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]


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
            return Examined(image, _mask_facts(sample.mask, as_colors=as_colors))
        except InputError as error:
            return Examined(image, str(error), _lossy(sample.mask))
    if isinstance(image, str):
        return Examined(image, None)
    try:
        return Examined(image, _drawn_facts(sample.mask, image))
    except InputError as error:
        return Examined(image, str(error))


def _image_facts(path: Path) -> ImageFacts:
    with decoding(path):
        data = path.read_bytes()
    name = next((name for magic, name in _MAGICS.items() if data.startswith(magic)), "JPEG 2000")
    with opened(path) as image:
        pixels = decode_image(image, path, image.layout.channels)
        return ImageFacts(
            pixels.shape[:2], str(image.layout), _depth(pixels), name, blake2b(data, digest_size=16).digest()
        )


def _array_facts(pixels: NDArray[Any]) -> ImageFacts:
    height, width, channels = pixels.shape
    hashed = blake2b(np.ascontiguousarray(pixels).tobytes() + repr(pixels.shape).encode(), digest_size=16)
    what = f"{channels} channel{'s' if channels > 1 else ''}"
    return ImageFacts((height, width), what, _depth(pixels), "pixels of an archive", hashed.digest())


def _depth(pixels: NDArray[Any]) -> str:
    return {"uint8": "8 bits", "uint16": "16 bits"}.get(str(pixels.dtype), str(pixels.dtype))


def _mask_facts(path: Path, *, as_colors: bool) -> MaskFacts:
    pixels: NDArray[Any] = read_mask_colors(path) if as_colors else read_mask_codes(path)
    if pixels.ndim == 2:
        return MaskFacts(pixels.shape, False, *_count(pixels))
    if pixels.dtype != np.uint8:
        raise InputError(f"{path} has colors of more than 8 bits per channel; save the mask with 8 bits")
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return MaskFacts(pixels.shape[:2], True, *_count(red << 16 | green << 8 | blue))


def _drawn_facts(drawing: Drawing, image: ImageFacts) -> MaskFacts:
    mask = drawing.draw(*image.size)
    return MaskFacts(mask.shape, False, *_count(mask))


def _count(codes: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes that occur and the number of pixels of each, by runs of equal pixels: masks have few."""
    flat = codes.reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = np.diff(starts, append=flat.size)
    found, runs = np.unique(flat[starts], return_inverse=True)
    return found.astype(np.int64), np.bincount(runs, weights=lengths).astype(np.int64)


def _lossy(path: Path) -> str | None:
    try:
        with opened(path) as image:
            return image.lossy
    except InputError:
        return None
