import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from feedbackward.data.files import check_image, read_image
from feedbackward.errors import InputError

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@given(
    data=st.data(),
    channels=st.integers(1, 6),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    planar=st.booleans(),
    compression=st.sampled_from([None, "lzw", "zlib", "zstd", "packbits"]),
    tile=st.sampled_from([None, (16, 16)]),
    order=st.sampled_from("<>"),
    big=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_number_of_channels(data, channels, dtype, planar, compression, tile, order, big, tmp_path_factory):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    pixels = data.draw(arrays(dtype, (height, width, channels), elements=st.integers(0, 200), fill=st.just(3)))
    path = tmp_path_factory.getbasetemp() / "any.tif"
    tifffile.imwrite(
        path,
        pixels[..., 0] if channels == 1 else np.moveaxis(pixels, -1, 0) if planar else pixels,
        photometric="minisblack",
        planarconfig=("separate" if planar else "contig") if channels > 1 else None,
        compression=compression,
        predictor=compression in ("lzw", "zlib") and dtype != np.float32,
        tile=tile,
        byteorder=order,
        bigtiff=big,
        metadata=None,
    )
    assert check_image(path, channels, (0, 200) if dtype == np.float32 else None) == (height, width)
    read = read_image(path, channels)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "RGB", "CMYK"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_of_pillow(compression, mode, tmp_path):
    image = Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257) if mode == "I;16" else None
    image = image or Image.fromarray(NOISE).convert(mode)
    image.save(tmp_path / "a.tif", compression=compression)
    expected = np.array(image if mode == "I;16" else image.convert("RGB"))
    expected = np.dstack([expected] * 3) if mode == "I;16" else expected
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected)


def test_white_is_the_smallest_value(tmp_path):
    for pixels in (NOISE[..., 0], NOISE[..., 0].astype(np.uint16) * 200):
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
        read = read_image(tmp_path / "a.tif", "gray")[..., 0]
        assert read.dtype == pixels.dtype
        np.testing.assert_array_equal(read, np.iinfo(pixels.dtype).max - pixels)


@pytest.mark.parametrize("shift", [0, 8])  # colors of 16 bits, as the standard says, and of 8, as some programs write
def test_palette(shift, tmp_path):
    colors = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", NOISE[..., 0], photometric="palette", colormap=colors << shift)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.moveaxis(colors[:, NOISE[..., 0]], 0, -1))


def test_jpeg_in_tiff(tmp_path):
    smooth = np.array(Image.fromarray(NOISE).resize((200, 160)))
    Image.fromarray(smooth).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    with Image.open(tmp_path / "a.tif") as expected:
        np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), np.array(expected), atol=2)


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_unusual_depths(bits, tmp_path):
    values = np.arange(40 * 48).reshape(40, 48) % 2**bits
    data = np.packbits([int(digit) for value in values.ravel() for digit in f"{value:0{bits}b}"]).tobytes()
    tags = {256: 48, 257: 40, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 40, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + directory)
    expected = values * (255 // (2**bits - 1)) if bits < 8 else values
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", "gray")[..., 0], expected)


def test_alpha_and_other_extra_channels(tmp_path):
    pixels = np.dstack([NOISE, NOISE[..., :1]])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.raises(InputError, match=r"a\.tif is transparent"):
        read_image(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unspecified"])
    with pytest.raises(InputError, match=r"a\.tif has 4 channels; expected RGB: save the image with those that are"):
        read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 4), pixels)


def test_overviews_and_masks_are_not_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(NOISE, metadata=None)
        tiff.write(NOISE[::2, ::2], subfiletype=1, metadata=None)
        tiff.write(NOISE[..., 0] > 9, photometric="mask", subfiletype=4, metadata=None)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), NOISE)


def test_channels_in_pages(tmp_path):
    channels = np.random.default_rng(0).integers(0, 65536, (5, 20, 30)).astype(np.uint16)
    for options in ({"metadata": {"axes": "CYX"}}, {"imagej": True, "metadata": {"axes": "CYX"}}, {}):
        tifffile.imwrite(tmp_path / "a.tif", channels, photometric="minisblack", **options)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 5), np.moveaxis(channels, 0, -1))
    tifffile.imwrite(tmp_path / "a.tif", channels, photometric="minisblack", metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match=r"a\.tif has 5 pages; expected a single image: save the page"):
        read_image(tmp_path / "a.tif", 5)


def test_other_color_spaces_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, photometric="cielab")
    with pytest.raises(InputError, match=r"a\.tif is a TIFF of type CIELAB with 3 channels of 8 bits; expected gray"):
        check_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"compression": "lzw"}, {"compression": "jpeg"}], ids=str
)
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("cut", [1, 60, 2000])
def test_truncated(cut, tile, options, tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, NOISE, tile=tile, photometric="rgb", **options)
    path.write_bytes(path.read_bytes()[:-cut])
    for read in (read_image, check_image):
        with pytest.raises(InputError, match=r"a\.tif cannot be read: \d+ of its \d+ strips or tiles are missing"):
            read(path)


def test_tiles_that_were_never_written(tmp_path):
    tiles = (np.zeros((16, 16), np.uint8) if number != 2 else None for number in range(4))
    options = {"shape": (32, 32), "dtype": np.uint8, "tile": (16, 16), "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", tiles, **options)
    with pytest.raises(InputError, match=r"a\.tif cannot be read: 1 of its 4 strips or tiles are missing; .* sparse"):
        read_image(tmp_path / "a.tif", "gray")
