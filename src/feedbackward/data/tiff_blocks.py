"""The pixels of a TIFF from top to bottom, in blocks of rows as its strips and tiles allow."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

CONTIGUOUS_ROWS = 256
"""Rows of a block of an image without compression, whose strips may be of any size."""


def block_height(page: tifffile.TiffPage) -> int:
    """The number of rows that are decoded together."""
    if page.is_contiguous:
        return CONTIGUOUS_ROWS
    return min(page.tilelength if page.is_tiled else page.rowsperstrip, page.imagelength)


def read_blocks(page: tifffile.TiffPage) -> Iterator[NDArray[Any]]:
    """Read consecutive rows (rows, width, samples), as they are stored; the last block has those that are left."""
    height = block_height(page)
    for top in range(0, page.imagelength, height):
        rows = min(height, page.imagelength - top)
        yield _read_contiguous(page, top, rows) if page.is_contiguous else _decode(page, top // height, rows)


def _planes(page: tifffile.TiffPage) -> int:
    return page.samplesperpixel if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else 1


def _read_contiguous(page: tifffile.TiffPage, top: int, rows: int) -> NDArray[Any]:
    planes = _planes(page)
    samples = page.samplesperpixel // planes
    dtype = np.dtype(f"{page.parent.byteorder}{np.dtype(page.dtype).char}")
    row_size = page.imagewidth * samples * dtype.itemsize
    blocks = []
    for plane in range(planes):
        start = page.dataoffsets[0] + (plane * page.imagelength + top) * row_size
        read = page.parent.filehandle.read_array(dtype, rows * page.imagewidth * samples, start)
        blocks.append(read.reshape(rows, page.imagewidth, samples))
    return np.concatenate(blocks, axis=2)


def _decode(page: tifffile.TiffPage, row: int, rows: int) -> NDArray[Any]:
    """Decode a row of tiles, or a strip, of each plane."""
    planes = _planes(page)
    columns = math.ceil(page.imagewidth / page.tilewidth) if page.is_tiled else 1
    down = math.ceil(page.imagelength / block_height(page))
    file, decode = page.parent.filehandle, page.decode
    jpeg = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}  # None for other compressions
    block: NDArray[Any] = np.empty((rows, page.imagewidth, page.samplesperpixel), page.dtype)
    for index in ((plane * down + row) * columns + column for plane in range(planes) for column in range(columns)):
        file.seek(page.dataoffsets[index])
        segment, (plane, _, _, left, _), _ = decode(file.read(page.databytecounts[index]), index, **jpeg)
        if segment is None:
            raise EOFError("a strip or tile is empty")
        tile = segment[0, :rows, : page.imagewidth - left]
        block[:, left : left + tile.shape[1], slice(plane, plane + 1) if planes > 1 else slice(None)] = tile
    return block
