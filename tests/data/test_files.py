import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.data import files
from feedbackward.data.files import check_image, read_image
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError

READERS = pytest.mark.parametrize("read", [read_image, check_image], ids=lambda f: f.__name__)
NOISE = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
SAVED = {  # options with which each format keeps the pixels, or nearly so
    "png": {},
    "jpg": {"quality": 100, "subsampling": 0},
    "tif": {},
    "webp": {"lossless": True},
    "bmp": {},
    "gif": {},
    "jp2": {},
    "j2k": {},
}


def test_png_is_read_exactly(tmp_path, write, picture):
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", picture)), picture)


@pytest.mark.parametrize("suffix", SAVED)
def test_every_format_is_found_by_its_content(suffix, tmp_path, picture):
    assert f".{suffix}" in IMAGE_SUFFIXES
    Image.fromarray(picture).save(tmp_path / f"a.{suffix}", **SAVED[suffix])
    other = (tmp_path / f"a.{suffix}").rename(tmp_path / "a.png")
    with Image.open(other) as image:
        np.testing.assert_array_equal(read_image(other), np.array(image.convert("RGB")))
    assert check_image(other) == (6, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_image_is_upright(suffix, orientation, tmp_path):
    # What viewers show, as the EXIF standard says where the first row and the first column of the file are.
    shown = np.arange(0, 240, 10, np.uint8).reshape(4, 6)
    stored = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.T,
        6: shown.T[::-1],  # row 0 is the right side, column 0 the top
        7: shown.T[::-1, ::-1],
        8: shown.T[:, ::-1],  # row 0 is the left side, column 0 the bottom
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **SAVED[suffix])
    assert check_image(path) == (4, 6)
    np.testing.assert_allclose(read_image(path)[..., 1], shown, atol=2)


def test_orientation_after_the_pixels_of_a_png(tmp_path, write, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write(tmp_path / "a.png", picture)
    tagged = tmp_path / "tagged.png"
    Image.fromarray(picture).save(tagged, exif=exif)
    data = tagged.read_bytes()
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    plain = path.read_bytes()
    path.write_bytes(plain[:-12] + chunk + plain[-12:])  # before IEND
    assert check_image(path) == (8, 6)
    np.testing.assert_array_equal(read_image(path), np.rot90(picture, -1))


@READERS
def test_missing_files_and_other_contents(read, tmp_path):
    with pytest.raises(InputError, match=r"no file .*a\.png$"):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"a\.png is not an image in JPEG, PNG, .* or JPEG 2000 \(16 bytes\); replace"):
        read(tmp_path / "a.png")
    (tmp_path / "empty.tif").touch()
    with pytest.raises(InputError, match=r"empty\.tif is not an image in .* \(0 bytes\); replace or remove it"):
        read(tmp_path / "empty.tif")


@READERS
def test_folders_pipes_and_broken_links(read, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"folder\.png is not a file but a folder; expected an image"):
        read(tmp_path / "folder.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png is not a file but a pipe"):
        read(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("gone.png")
    with pytest.raises(InputError, match=r"no file .*link\.png: a link to gone\.png, which does not exist"):
        read(tmp_path / "link.png")


@READERS
@pytest.mark.parametrize("suffix", SAVED)
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.98])
def test_truncated_image(kept, suffix, read, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(NOISE).save(path, **SAVED[suffix])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError, match=rf"^[^\n]*a\.{suffix} [^\n]*again[^\n]*$"):
        read(path)


@pytest.mark.parametrize("damage", [bytes(100), b"\xff\xd9"], ids=["zeros", "end marker"])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damage_in_the_middle_is_found_by_reading_only(suffix, damage, tmp_path, write):
    path = write(tmp_path / f"a.{suffix}", NOISE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + damage + data[len(data) // 2 + len(damage) :])
    assert check_image(path) == (64, 64)
    with pytest.raises(InputError, match=rf"a\.{suffix} cannot be read: .*copy or download it again"):
        read_image(path)


def test_a_jpeg_that_ends_too_early_is_not_half_gray(tmp_path, write):
    path = write(tmp_path / "a.jpg", NOISE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with Image.open(path) as image:
        image.load()  # Pillow takes what is missing for gray
    with pytest.raises(InputError, match=r"a\.jpg cannot be read: Corrupt JPEG data: premature end"):
        read_image(path)


def test_few_bytes_before_the_end_marker_of_a_jpeg_are_harmless(tmp_path, write):
    path = write(tmp_path / "a.jpg", NOISE)
    expected, data = read_image(path), path.read_bytes()
    path.write_bytes(data[:-2] + bytes(5) + data[-2:])
    np.testing.assert_array_equal(read_image(path), expected)
    path.write_bytes(data[:-2] + bytes(50) + data[-2:])
    with pytest.raises(InputError, match=r"a\.jpg cannot be read: .* extraneous bytes"):
        read_image(path)


def test_damaged_header(tmp_path, write, picture):
    path = write(tmp_path / "a.png", picture)
    data = bytearray(path.read_bytes())
    data[11] = 5  # the length of the header's chunk
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png"):
        read_image(path)


@pytest.mark.parametrize("suffix", SAVED)
def test_damaged_bytes_end_in_one_line(suffix, tmp_path, picture):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path, **SAVED[suffix])
    data = path.read_bytes()
    random = np.random.default_rng(2)
    messages = []
    for _ in range(150):
        damaged = bytearray(data)
        for position in random.integers(0, min(len(data), 300), 3):
            damaged[position] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_image(path)
        except InputError as error:
            messages.append(str(error))
    assert messages
    assert not any("\n" in message for message in messages)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "jp2"])
def test_bytes_after_the_image_are_harmless(suffix, tmp_path, write, picture):
    path = write(tmp_path / f"a.{suffix}", picture)
    expected = read_image(path)
    path.write_bytes(path.read_bytes() + b"more")
    assert check_image(path) == (6, 8)
    np.testing.assert_array_equal(read_image(path), expected)


def test_an_image_that_fills_the_memory(tmp_path, write, picture, monkeypatch):
    path = write(tmp_path / "a.png", picture)
    monkeypatch.setattr(files, "_memory", lambda: 2 * picture.size - 1)
    with pytest.raises(InputError, match=r"a\.png is 6x8 \(height x width\), .* GiB of pixels; .* split it into tiles"):
        read_image(path)
    monkeypatch.setattr(files, "_memory", lambda: 2 * picture.size)
    np.testing.assert_array_equal(read_image(path), picture)


def test_an_image_beyond_the_limit_of_pillow(tmp_path, write, picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", picture)), picture)


def test_the_header_is_not_enough_for_alpha_floats_and_gray(tmp_path, write, picture):
    transparent = write(tmp_path / "a.png", np.dstack([picture, picture[..., :1]]))
    with pytest.raises(InputError, match=r"a\.png is transparent"):
        check_image(transparent)
    assert check_image(transparent, 4) == (6, 8)
    with pytest.raises(InputError, match=r"b\.png has colors; expected a gray image"):
        check_image(write(tmp_path / "b.png", picture), "gray")
    tifffile.imwrite(tmp_path / "c.tif", np.full((6, 8), np.nan, np.float32))
    with pytest.raises(InputError, match=r"c\.tif contains values that are not numbers \(48 of 48 are NaN"):
        check_image(tmp_path / "c.tif", "gray")
