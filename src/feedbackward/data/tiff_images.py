"""Images in TIFF: any number of channels, interleaved or planar, strips or tiles, BigTIFF too."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from feedbackward.data.members import File
from feedbackward.data.stored import Layout, native, to_orientation
from feedbackward.data.tiff_blocks import block_height, read_blocks
from feedbackward.errors import InputError

_ORIENTATION = 274
_REDUCED, _MASK = 1, 4  # bits of the tag NewSubfileType
_LOSSLESS = {1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 50000}  # none, CCITT, LZW, deflate, PackBits, LZMA, Zstandard
_COLORS: dict[str, tuple[Literal["gray", "RGB", "CMYK"], int]] = {  # and their number
    "MINISWHITE": ("gray", 1),
    "MINISBLACK": ("gray", 1),
    "RGB": ("RGB", 3),
    "YCBCR": ("RGB", 3),
    "SEPARATED": ("CMYK", 4),
}


class TiffImage:
    """An open TIFF file; see StoredImage. Overviews and masks beside the image are not read.

    Args:
        file: The file.
        path: Its path, for messages.

    Raises:
        InputError: If it contains several images, or pixels that are not colors or channels.
    """

    def __init__(self, file: BinaryIO, path: File) -> None:
        tiff = tifffile.TiffFile(file, name=path.name)
        pages = list(full_pages(tiff, path))
        if not pages:
            raise InputError(f"{path} contains no image; copy or download it again")
        self.page = page = pages[0]
        self._path, self._pages = path, pages
        self._series = tiff.series[0] if len(pages) > 1 else None
        self._file_size = tiff.filehandle.size
        if self._series is not None and (len(tiff.series) > 1 or self._series.axes not in ("CYX", "QYX")):
            raise InputError(f"{path} has {len(pages)} pages; expected a single image: save the page that you want")
        if page.imagedepth > 1:
            raise InputError(f"{path} is a volume of depth {page.imagedepth}; expected a single image: save one slice")
        self.height, self.width = page.imagelength, page.imagewidth
        self.orientation = to_orientation(page.tags.valueof(_ORIENTATION, 1), path)
        self._kind, self.layout = _describe(page, path)
        if self._series is not None:
            self.layout = Layout(len(pages), None)
        lossless = page.compression in _LOSSLESS
        self.lossy = None if lossless else getattr(page.compression, "name", str(page.compression))
        self.dtype = native(np.uint8 if self._kind == "PALETTE" or page.bitspersample == 1 else np.dtype(page.dtype))

    def pixels(self) -> NDArray[Any]:
        """Decode the pixels (height, width, channels).

        Raises:
            InputError: If strips or tiles are missing.
        """
        return self.decoded(self.values())

    def values(self) -> NDArray[Any]:
        """Decode the values (height, width, channels) as the file stores them.

        Raises:
            InputError: If strips or tiles are missing.
        """
        self.refuse_incomplete()
        stored = (self._series or self.page).asarray(maxworkers=1)
        planar = self._series is not None or self.page.axes == "SYX"
        return np.moveaxis(stored, 0, -1) if planar else stored.reshape(self.height, self.width, -1)

    def blocks(self) -> Iterator[NDArray[Any]] | None:
        """Decode the pixels from top to bottom, in blocks (rows, width, channels); None if there is only one block.

        Raises:
            InputError: If strips or tiles are missing.
        """
        self.refuse_incomplete()
        if block_height(self.page) >= self.height:
            return None
        pages = zip(*map(read_blocks, self._pages), strict=True)
        return (self.decoded(np.concatenate(blocks, axis=2)) for blocks in pages)

    def decoded(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The pixels of stored values (rows, columns, samples).

        Palettes become colors; 1, 2 and 4 bits are spread over 8; the largest value is white.
        """
        bits = self.page.bitspersample
        if self._kind == "PALETTE":
            colors = np.asarray(self.page.colormap)
            eight_bit = colors >> 8 if colors.max() > 255 else colors  # some files have 8-bit colors: libtiff's rule
            return np.asarray(eight_bit.astype(np.uint8).T[stored[..., 0]])
        if bits in (1, 2, 4):
            stored, bits = stored.astype(np.uint8) * np.uint8(255 // (2**bits - 1)), 8
        if self._kind == "MINISWHITE" and stored.dtype.kind == "u":
            return np.asarray(2**bits - 1 - stored, stored.dtype)
        return stored

    def is_complete(self) -> bool:
        """Whether the file contains every strip and tile."""
        return not any(self._missing())

    def refuse_incomplete(self) -> None:
        """Refuse a file that lacks strips or tiles, which tifffile takes for black.

        Raises:
            InputError: If it does.
        """
        missing = self._missing()
        if any(missing):
            raise InputError(
                f"{self._path} cannot be read: {sum(missing)} of its {len(missing)} strips or tiles are missing; copy "
                f"or download it again (a sparse file: write all its tiles)"
            )

    def _missing(self) -> list[bool]:
        return [
            not count or offset + count > self._file_size
            for page in self._pages
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]


def full_pages(tiff: tifffile.TiffFile, path: File) -> Iterator[tifffile.TiffPage]:
    """The pages of a file, without overviews and masks.

    Args:
        tiff: The file.
        path: Its path, for messages.

    Raises:
        InputError: If a page leads back to one before, so that they never end.
    """
    seen = set[int]()
    for page in tiff.pages:
        if page.offset in seen:
            raise InputError(f"{path} is damaged: its pages lead back to one before; copy or download it again")
        seen.add(page.offset)
        if isinstance(page, tifffile.TiffPage) and not _is_auxiliary(page):
            yield page


def _is_auxiliary(page: tifffile.TiffPage) -> bool:
    return bool(int(page.subfiletype) & (_REDUCED | _MASK))


def _describe(page: tifffile.TiffPage, path: File) -> tuple[str, Layout]:
    """The photometric interpretation and the channels of a page."""
    kind = getattr(page.photometric, "name", str(page.photometric))
    samples = page.samplesperpixel
    if kind == "PALETTE" and samples == 1 and page.colormap is not None:
        return kind, Layout(3, "RGB")
    # The decoder of JPEG returns RGB; other YCbCr would be taken for it.
    if page.dtype is None or kind not in _COLORS or (kind == "YCBCR" and page.compression != tifffile.COMPRESSION.JPEG):
        raise InputError(
            f"{path} is a TIFF of type {kind} with {samples} channels of {page.bitspersample} bits; expected gray, "
            f"RGB, a palette of colors, CMYK or channels: convert it"
        )
    colors, count = _COLORS[kind]
    alpha = len(page.extrasamples) == 1 and page.extrasamples[0] != tifffile.EXTRASAMPLE.UNSPECIFIED
    return kind, Layout(samples, colors, alpha) if samples == count + alpha else Layout(samples, None)
