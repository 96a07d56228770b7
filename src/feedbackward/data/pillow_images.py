"""Images in JPEG, PNG, WebP, BMP, GIF and JPEG 2000.

Pillow finds the format and reads the headers. Where it would damage pixels, other libraries decode them: PNG and
JPEG 2000 of more than 8 bits, of which it keeps 8, and JPEG, where it takes damaged parts for gray. They are also
faster.
"""

import os
import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,  # noqa: F401 - each of these registers a format
    GifImagePlugin,  # noqa: F401
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from feedbackward.data.jpeg_scans import lacks_scans
from feedbackward.data.members import File
from feedbackward.data.stored import Layout, to_orientation
from feedbackward.data.vips_blocks import read_blocks
from feedbackward.errors import InputError, listed

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "JPEG2000")

_ORIENTATION = 0x0112  # the EXIF tag
_ENDS = {
    "JPEG": b"\xff\xd9",
    "MPO": b"\xff\xd9",
    "PNG": b"IEND\xaeB`\x82",
    "GIF": b";",
    "JPEG2000": b"\xff\xd9",
    "WEBP": b"",  # Pillow compares the size in the header with the file's when it opens one
}
_LAYOUTS = {
    "L": Layout(1, "gray"),
    "LA": Layout(2, "gray", alpha=True),
    "RGB": Layout(3, "RGB"),
    "RGBA": Layout(4, "RGB", alpha=True),
    "CMYK": Layout(4, "CMYK"),
}
_LOSSY = {"JPEG": "JPEG", "MPO": "JPEG", "JPEG2000": "JPEG 2000"}
_PNG_MODES = {0: "L", 2: "RGB", 3: "RGB", 4: "LA", 6: "RGBA"}  # by the color type in the header
_LACKS_SCANS = "it ends before its last scan"
# libjpeg's message about a few bytes between the pixels and the end marker, which some cameras write; many mean damage
_HARMLESS = re.compile(r"Corrupt JPEG data: \d extraneous bytes before marker 0xd9")


def open_pillow(file: BinaryIO) -> Image.Image | None:
    """Open an image with Pillow, or return None if it is in none of FORMATS.

    `Image.open` has a limit of 179 million pixels, which only a global variable of Pillow lifts.
    """
    head = file.read(16)
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        file.seek(0)
        if accept is not None and accept(head) is True:
            return factory(file, "")
    return None


class PillowImage:
    """An image that Pillow has opened; see StoredImage.

    Args:
        image: The image.
        file: Its file.
        path: Its path, for messages.

    Raises:
        InputError: If it has several frames, or is a BMP that Pillow misreads.
    """

    def __init__(self, image: Image.Image, file: BinaryIO, path: File) -> None:
        self._image, self._file, self._path = image, file, path
        self._format = image.format or ""
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and self._format != "MPO":  # the further images of an MPO are previews and depth maps
            raise InputError(f"{path} has {frames} frames; expected a single image: save the frame that you want")
        if self._format == "BMP":
            _refuse_misread(image, file, path)
        self.height, self.width = image.height, image.width
        tag = image.getexif().get(_ORIENTATION, 1) if _has_exif(image, file) else 1
        self.orientation = to_orientation(tag, path)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._decode = self._by_pillow
        mode = _eight_bit_mode(image)
        if self._format in ("JPEG", "MPO"):
            self._decode = self._jpeg
        elif self._format == "PNG":
            bits, color_type = _bytes_at(file, 24, 2)
            mode = _PNG_MODES[color_type] + ("A" if "transparency" in image.info else "")
            self._decode, self.dtype = self._png, np.dtype(np.uint16 if bits == 16 else np.uint8)
        elif self._format == "JPEG2000":
            self.dtype = _jpeg_2000_dtype(self._bytes())
            if self.dtype != np.uint8:
                mode = "L" if mode == "I;16" else mode
                self._decode = self._deep_jpeg_2000
        self.layout = _LAYOUTS[mode]
        self.lossy = _LOSSY.get(self._format)
        if self._format == "WEBP" and not _is_lossless_webp(self._bytes()):
            self.lossy = "lossy WebP"

    def pixels(self) -> NDArray[Any]:
        """Decode the pixels (height, width, channels)."""
        return self._decode().reshape(self.height, self.width, self.layout.channels)

    def values(self) -> NDArray[Any]:
        """Decode the values (height, width, channels) as the file stores them."""
        if self._image.mode in ("P", "1"):
            indices = np.array(self._image)[..., None]
            if self._format == "GIF":
                self._refuse_shades(indices)
            return indices
        if self._image.mode == "L" and self.dtype == np.uint8:
            bits = _bytes_at(self._file, 24, 1)[0] if self._format == "PNG" else 8
            return np.asarray(np.array(self._image)[..., None] // np.uint8(255 // (2**bits - 1)))
        return self.pixels()

    def blocks(self) -> Iterator[NDArray[Any]] | None:
        """Decode a JPEG or PNG from top to bottom, in blocks (rows, width, channels); None if it cannot be done."""
        if self._format not in ("JPEG", "MPO", "PNG") or self.layout.colors == "CMYK":
            return None
        if self._image.info.get("progressive") and lacks_scans(self._bytes()):
            raise ValueError(_LACKS_SCANS)
        return read_blocks(self._path, self.layout.channels, self.dtype)

    def is_complete(self) -> bool:
        """Whether the file ends with the end marker of its format."""
        end = _ENDS.get(self._format)
        if end is None:
            return False
        self._file.seek(-len(end), os.SEEK_END)
        return self._file.read() == end

    def _by_pillow(self) -> NDArray[Any]:
        mode = _eight_bit_mode(self._image)
        return np.array(self._image if mode == self._image.mode else self._image.convert(mode))

    def _jpeg(self) -> NDArray[Any]:
        import simplejpeg

        data = self._bytes()
        if lacks_scans(data):
            raise ValueError(_LACKS_SCANS)
        try:
            simplejpeg.decode_jpeg_header(data)
        except ValueError:  # unusual subsampling, which its interface to libjpeg does not know
            return self._by_pillow()
        colorspace = {"gray": "GRAY", "CMYK": "CMYK"}.get(self.layout.colors or "", "RGB")
        try:
            pixels = np.asarray(simplejpeg.decode_jpeg(data, colorspace))
        except ValueError as error:
            if not _HARMLESS.fullmatch(str(error)):
                raise
            pixels = np.asarray(simplejpeg.decode_jpeg(data, colorspace, strict=False))
        # Whether CMYK is stored inverted is Pillow's knowledge.
        return self._by_pillow() if self.layout.colors == "CMYK" else pixels

    def _png(self) -> NDArray[Any]:
        import imagecodecs

        return np.asarray(imagecodecs.png_decode(self._bytes()))

    def _deep_jpeg_2000(self) -> NDArray[Any]:
        import imagecodecs

        return np.asarray(imagecodecs.jpeg2k_decode(self._bytes()))

    def _refuse_shades(self, indices: NDArray[Any]) -> None:
        """Programs that write gray images as GIF number the shades that occur: values may be indices or shades."""
        colors = np.array(self._image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        shades = colors[np.unique(indices)]
        if (shades == shades[:, :1]).all():
            raise InputError(
                f"{self._path} is a GIF of the shades of gray {listed(shades[:, 0].tolist(), most=5)} with the indices "
                f"{listed(np.unique(indices).tolist(), most=5)}; it does not say which are the values: save it as PNG"
            )

    def _bytes(self) -> bytes:
        self._file.seek(0)
        return self._file.read()


def layout_of(image: Image.Image) -> tuple[str, Layout | None]:
    """The mode of Pillow to which an image in memory is converted without loss, and its channels.

    The channels are None for modes that no image file has, such as HSV.
    """
    if image.mode == "F" or image.mode.startswith("I;16"):
        return image.mode, Layout(1, "gray")
    mode = _eight_bit_mode(image)
    return mode, _LAYOUTS.get(mode)


def _eight_bit_mode(image: Image.Image) -> str:
    """The mode of Pillow to which an image is converted without loss: palettes become colors, transparency alpha."""
    if "transparency" in image.info:
        return "LA" if image.mode in ("1", "L") else "RGBA"
    return {"1": "L", "P": "RGB", "PA": "RGBA"}.get(image.mode, image.mode)


def _has_exif(image: Image.Image, file: BinaryIO) -> bool:
    """Whether reading EXIF data is worth it: for a PNG, whose data may come after the pixels, it decodes them."""
    if image.format != "PNG" or {"exif", "xmp", "Raw profile type exif"} & image.info.keys():
        return True
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - (1 << 16)))
    return b"eXIf" in file.read()


def _refuse_misread(image: Image.Image, file: BinaryIO, path: File) -> None:
    """Pillow takes a gray palette of few colors for gray pixels of 1 or 8 bits, whatever their depth is."""
    (bits,) = struct.unpack("<H", _bytes_at(file, 28, 2))
    if image.mode in ("1", "L") and bits != {"1": 1, "L": 8}[image.mode]:
        raise InputError(
            f"{path} is a BMP of {bits} bits whose palette has few shades of gray, which Pillow misreads; expected 1, "
            f"8 or 24 bits: save it as PNG"
        )


def _is_lossless_webp(data: bytes) -> bool:
    """Whether the first image among the chunks of a WebP file is lossless."""
    start = 12
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        if name in (b"VP8 ", b"VP8L"):
            return bool(name == b"VP8L")
        start += 8 + size + size % 2
    return False


def _jpeg_2000_dtype(data: bytes) -> np.dtype[Any]:
    """The type of the pixels of a JPEG 2000 file, by the depth of the first channel in the codestream's header."""
    depth = data[data.index(b"\xff\x4f\xff\x51") + 42]
    bits, signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    if signed or bits > 16:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if bits <= 8 else np.uint16)


def _bytes_at(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)
