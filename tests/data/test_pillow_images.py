import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from feedbackward.data.files import check_image, read_image
from feedbackward.errors import InputError

COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by the number of channels


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows, width, *, bits, color_type, extra=b""):
    """Write a PNG by hand, from the bytes of its rows."""
    header = struct.pack(">IIBBBBB", width, len(rows), bits, color_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@given(data=st.data(), channels=st.sampled_from([1, 2, 3, 4]), dtype=st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=40, deadline=None)
def test_png_of_every_kind_and_depth(data, channels, dtype, tmp_path_factory):
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    pixels = data.draw(arrays(dtype, (height, width, channels)))
    rows = [row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels]
    path = tmp_path_factory.getbasetemp() / "kinds.png"
    write_png(path, rows, width, bits=8 * pixels.itemsize, color_type=COLOR_TYPES[channels])
    read = read_image(path, channels)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)
    assert check_image(path, channels) == (height, width)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_of_gray_are_spread_over_eight(bits, tmp_path):
    values = np.arange(8) % 2**bits
    row = np.packbits([int(digit) for value in values for digit in f"{value:0{bits}b}"]).tobytes()
    path = write_png(tmp_path / "a.png", [row], 8, bits=bits, color_type=0)
    np.testing.assert_array_equal(read_image(path, "gray")[0, :, 0], values * 255 // (2**bits - 1))


def test_48_bits_keep_all_values(tmp_path):
    pixels = np.arange(4096, dtype=np.uint16).reshape(32, 32, 4)[..., :3]  # 12 bits in a file of 16
    rows = [row.astype(">u2").tobytes() for row in pixels]
    path = write_png(tmp_path / "a.png", rows, 32, bits=16, color_type=2, extra=chunk(b"sBIT", b"\x0c\x0c\x0c"))
    np.testing.assert_array_equal(read_image(path), pixels)
    np.testing.assert_array_equal(read_image(path, "BGR"), pixels)


def test_a_transparent_color_is_alpha(tmp_path):
    rows = [np.array([[1, 2, 3], [700, 8, 9]], ">u2").tobytes()]
    transparency = chunk(b"tRNS", struct.pack(">HHH", 700, 8, 9))
    path = write_png(tmp_path / "a.png", rows, 2, bits=16, color_type=2, extra=transparency)
    np.testing.assert_array_equal(read_image(path, 4), [[[1, 2, 3, 65535], [700, 8, 9, 0]]])
    gray = write_png(tmp_path / "b.png", [b"\1\7"], 2, bits=8, color_type=0, extra=chunk(b"tRNS", b"\0\7"))
    np.testing.assert_array_equal(read_image(gray, 2), [[[1, 255], [7, 0]]])
    bits = write_png(tmp_path / "c.png", [b"\x40"], 2, bits=1, color_type=0, extra=chunk(b"tRNS", b"\0\1"))
    np.testing.assert_array_equal(read_image(bits, 2), [[[0, 255], [255, 0]]])


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp"])
def test_palettes_become_colors(suffix, tmp_path, picture):
    palette = Image.fromarray(picture).quantize(16)
    palette.save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}"), np.array(palette.convert("RGB")))


def test_transparent_palettes(tmp_path, picture):
    palette = Image.fromarray(picture).quantize(16)
    palette.save(tmp_path / "a.png", transparency=b"\0\x80")
    with pytest.raises(InputError, match=r"a\.png is transparent"):
        read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 4)[..., :3], np.array(palette.convert("RGB")))
    palette.save(tmp_path / "b.png", transparency=200)  # a color that no pixel has
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), np.array(palette.convert("RGB")))


@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2, "progressive": True}, {"keep_rgb": True}],
    ids=str,
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_has_the_pixels_of_pillow(mode, options, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((141, 99)).convert(mode)
    image.save(tmp_path / "a.jpg", **options)
    with Image.open(tmp_path / "a.jpg") as expected:
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.array(expected.convert("RGB")))


@pytest.mark.parametrize("suffix", ["jp2", "j2k"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_2000(bits, channels, suffix, tmp_path):
    pixels = (
        np.random.default_rng(0).integers(0, 2**bits, (40, 50, channels)).astype(np.uint8 if bits == 8 else np.uint16)
    )
    encoded = imagecodecs.jpeg2k_encode(pixels.squeeze(), level=0, codecformat=suffix, bitspersample=bits)
    (tmp_path / f"a.{suffix}").write_bytes(encoded)
    read = read_image(tmp_path / f"a.{suffix}", channels)
    assert read.dtype == pixels.dtype
    np.testing.assert_array_equal(read, pixels)


def test_webp_is_read_exactly(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.webp", lossless=True)
    np.testing.assert_array_equal(read_image(tmp_path / "a.webp"), picture)
    Image.fromarray(np.dstack([picture, picture[..., :1]])).save(tmp_path / "b.webp", lossless=True, exact=True)
    np.testing.assert_array_equal(read_image(tmp_path / "b.webp", 4)[..., :3], picture)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_several_frames_are_refused(suffix, tmp_path):
    frames = [Image.fromarray(np.full((5, 6), value, np.uint8)) for value in (0, 100, 200)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    for read in (read_image, check_image):
        with pytest.raises(InputError, match=rf"a\.{suffix} has 3 (frames|pages); expected a single image: save the"):
            read(tmp_path / f"a.{suffix}")


def test_previews_behind_a_jpeg_are_not_read(tmp_path, picture):
    image = Image.fromarray(picture)
    image.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[image.resize((4, 3))])
    assert read_image(tmp_path / "a.jpg").shape == (6, 8, 3)
