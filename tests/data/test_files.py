import numpy as np
import pytest
from PIL import Image

from feedbackward.data.files import (
    check_image,
    list_files,
    read_image,
)
from feedbackward.errors import InputError


def test_png_is_read_exactly(tmp_path, write, picture):
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", picture)), picture)


def test_gray_palette_and_transparent_images_become_rgb(tmp_path, picture):
    gray = Image.fromarray(picture[..., 0])
    gray.save(tmp_path / "gray.png")
    transparent = Image.fromarray(np.dstack([picture, picture[..., :1]]))
    transparent.save(tmp_path / "rgba.png")
    palette = Image.fromarray(picture).quantize(16)
    palette.save(tmp_path / "palette.png", transparency=b"\0\x80")
    np.testing.assert_array_equal(read_image(tmp_path / "gray.png"), np.repeat(picture[..., :1], 3, axis=2))
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png"), picture)
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), np.array(palette.convert("RGB")))


def test_image_is_upright(tmp_path, picture):
    image = Image.fromarray(np.zeros((6, 8, 3), np.uint8))
    image.paste((255, 255, 255), (0, 0, 8, 3))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers turn it by 90 degrees clockwise
    image.save(tmp_path / "phone.jpg", exif=exif, quality=100)
    upright = read_image(tmp_path / "phone.jpg")
    assert upright.shape == (8, 6, 3)
    assert upright[:, 4:].min() > 200
    assert upright[:, :2].max() < 50
    assert check_image(tmp_path / "phone.jpg") == (8, 6)


@pytest.mark.parametrize(
    "read",
    [read_image, check_image],
    ids=lambda f: f.__name__,
)
def test_missing_files_and_other_formats(read, tmp_path):
    with pytest.raises(InputError, match=r"no file .*a\.png"):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"a\.png is not an image in PNG or JPEG \(16 bytes\); replace or remove"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_truncated_image(suffix, tmp_path, write):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = write(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:-500])
    for read in (read_image, check_image):
        with pytest.raises(InputError, match=rf"a\.{suffix} cannot be read: .*truncated.*download it again"):
            read(path)


def test_an_unreadable_file(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match=r"a\.png cannot be read: Is a directory; expected a readable file$"):
        read_image(tmp_path / "a.png")


def test_damage_in_the_middle_is_detected_by_reading_only(tmp_path, write):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = write(tmp_path / "a.png", noise)
    data = bytearray(path.read_bytes())
    data[5000:5100] = bytes(100)
    path.write_bytes(data)
    assert check_image(path) == (64, 64)
    with pytest.raises(InputError, match=r"a\.png cannot be read: .*copy or download it again"):
        read_image(path)


def test_damaged_header(tmp_path, write, picture):
    path = write(tmp_path / "a.png", picture)
    data = bytearray(path.read_bytes())
    data[11] = 5  # the length of the header's chunk
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png"):
        read_image(path)


def test_bytes_after_the_image_are_harmless(tmp_path, write, picture):
    path = write(tmp_path / "a.png", picture)
    path.write_bytes(path.read_bytes() + b"more")
    assert check_image(path) == (6, 8)


def test_deep_images(tmp_path, write):
    path = write(tmp_path / "deep.png", np.full((4, 4), 3000, np.uint16))
    for read in (read_image, check_image):
        with pytest.raises(InputError, match=r"deep\.png has more than 8 bits per channel .*convert it to 8-bit"):
            read(path)


def test_huge_image(tmp_path, write, picture, monkeypatch):
    path = write(tmp_path / "a.png", picture)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputError, match=r"a\.png is too large: .*tiles"):
        read_image(path)


def test_list_files(tmp_path, write, picture):
    for name in ("b_left.png", "a_left.PNG", "a_right.png", ".hidden_left.png", "notes_left.txt"):
        write(tmp_path / "c.png", picture).rename(tmp_path / name)
    found = list_files(tmp_path, (".png",), ending="_left")
    assert found == {"a": tmp_path / "a_left.PNG", "b": tmp_path / "b_left.png"}


def test_list_files_refuses(tmp_path, write, picture):
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        list_files(tmp_path / "nowhere", (".png",))
    write(tmp_path / "a.png", picture)
    write(tmp_path / "a.jpg", picture)
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png have the same name"):
        list_files(tmp_path, (".png", ".jpg"))
