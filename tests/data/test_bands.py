import sys
from itertools import pairwise, product

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from feedbackward.data.bands import open_bands
from feedbackward.data.files import read_image
from feedbackward.errors import InputError

RANDOM = np.random.default_rng(0)
SMOOTH = np.array(Image.fromarray(RANDOM.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((203, 603)))


def read_all(path, channels="RGB", cuts=(1, 7, 300, 300, 302)):
    """The image from bands that overlap by 5 rows."""
    with open_bands(path, channels) as image:
        bounds = [0, *(cut for cut in cuts if cut < image.height), image.height]
        bands = []
        for top, bottom in pairwise(bounds):
            overlap = min(5, top)
            bands.append(image.read(top - overlap, bottom)[overlap:].copy())
        whole = np.concatenate(bands)
        assert whole.shape == (image.height, image.width, image.channels)
        assert whole.dtype == image.dtype
    return whole


@given(
    data=st.data(),
    channels=st.integers(1, 5),
    dtype=st.sampled_from(["u1", "u2", "i2", "f4"]),
    planar=st.booleans(),
    compression=st.sampled_from([None, "lzw", "zlib", "zstd"]),
    layout=st.sampled_from([{}, {"tile": (16, 32)}, {"tile": (64, 16)}, {"rowsperstrip": 7}, {"rowsperstrip": 100}]),
    order=st.sampled_from("<>"),
)
@settings(max_examples=100, deadline=None)
def test_tiff(data, channels, dtype, planar, compression, layout, order, tmp_path_factory):
    size = data.draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    pixels = RANDOM.integers(0, 200, (*size, channels)).astype(dtype)
    path = tmp_path_factory.getbasetemp() / "bands.tif"
    tifffile.imwrite(
        path,
        pixels[..., 0] if channels == 1 else np.moveaxis(pixels, -1, 0) if planar else pixels,
        photometric="minisblack",
        planarconfig=("separate" if planar else "contig") if channels > 1 else None,
        compression=compression,
        byteorder=order,
        metadata=None,
        **layout,
    )
    np.testing.assert_array_equal(read_all(path, channels, (1, 7, 40, 40)), pixels)


@pytest.mark.parametrize(
    ("compression", "mode"),
    [
        *product([None, "tiff_lzw"], ["1", "L", "P", "RGB", "CMYK"]),
        *product(["jpeg"], ["L", "RGB", "CMYK"]),  # TIFF has no others in JPEG
    ],
)
def test_tiff_of_pillow(compression, mode, tmp_path):
    image = Image.fromarray(SMOOTH).convert(mode)
    image.save(tmp_path / "a.tif", compression=compression, strip_size=4096)
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif"), read_image(tmp_path / "a.tif"))


def test_channels_in_pages(tmp_path):
    channels = RANDOM.integers(0, 65536, (5, 90, 30)).astype(np.uint16)
    options = {"photometric": "minisblack", "metadata": {"axes": "CYX"}, "rowsperstrip": 8, "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", channels, **options)
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif", 5), np.moveaxis(channels, 0, -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png(mode, tmp_path, caplog):
    gray = SMOOTH[..., 0].astype(np.uint16) * 257 if mode == "I;16" else None
    image = Image.fromarray(SMOOTH).convert(mode) if gray is None else Image.fromarray(gray)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_all(tmp_path / "a.png"), read_image(tmp_path / "a.png"))
    assert not caplog.messages


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"quality": 100}], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg(mode, options, tmp_path, caplog):
    Image.fromarray(SMOOTH).convert(mode).save(tmp_path / "a.jpg", **options)
    with Image.open(tmp_path / "a.jpg") as image:
        np.testing.assert_array_equal(read_all(tmp_path / "a.jpg"), np.array(image.convert("RGB")))
    assert not caplog.messages


def test_a_file_that_was_replaced_is_read_again(tmp_path):
    for values in (SMOOTH, SMOOTH[::-1]):
        Image.fromarray(values).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_all(tmp_path / "a.png"), values)


@pytest.mark.parametrize("suffix", ["webp", "bmp", "jp2"])
def test_other_formats_are_decoded_as_a_whole(suffix, tmp_path, caplog):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(SMOOTH).save(path)
    np.testing.assert_array_equal(read_all(path), read_image(path))
    assert caplog.messages[0].startswith(f"{path} is decoded as a whole: of such files only TIFF, JPEG and PNG")


def test_rotated_images_are_decoded_as_a_whole(tmp_path, caplog):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(SMOOTH).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_all(tmp_path / "a.png"), np.rot90(SMOOTH, -1))
    assert len(caplog.messages) == 1


def test_without_libvips_only_tiff_is_read_in_bands(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    Image.fromarray(SMOOTH).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_all(tmp_path / "a.png"), SMOOTH)
    assert r"pip install 'feedbackward[large]'" in caplog.messages[0]
    tifffile.imwrite(tmp_path / "a.tif", SMOOTH, tile=(64, 64))
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif"), SMOOTH)
    assert len(caplog.messages) == 1


def test_channels_are_those_of_read_image(tmp_path):
    Image.fromarray(SMOOTH).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_all(tmp_path / "a.png", "BGR"), read_image(tmp_path / "a.png", "BGR"))
    with pytest.raises(InputError, match=r"a\.png has 3 channels"), open_bands(tmp_path / "a.png", 4):
        pass
    with pytest.raises(InputError, match=r"a\.png has colors"):
        read_all(tmp_path / "a.png", "gray")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_damage_is_found_by_reading(suffix, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(SMOOTH).save(path, **({"compression": "tiff_adobe_deflate"} if suffix == "tif" else {}))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9" * 20 + data[len(data) // 2 + 40 :])
    with pytest.raises(InputError, match=rf"^[^\n]*a\.{suffix} cannot be read: [^\n]*; copy or download it again$"):
        read_all(path)


def test_errors_of_the_caller_are_not_those_of_the_file(tmp_path):
    Image.fromarray(SMOOTH).save(tmp_path / "a.png")
    with pytest.raises(KeyError, match="mine"), open_bands(tmp_path / "a.png"):
        raise KeyError("mine")


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"no file .*a\.png"), open_bands(tmp_path / "a.png"):
        pass
