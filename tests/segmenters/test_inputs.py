import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.segmenters.inputs import as_image


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_every_form_gives_the_same_image(pixels, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    forms = [
        path,
        str(path),
        Image.open(path),
        Image.fromarray(pixels).convert("RGBA"),
        pixels,
        pixels[::-1][::-1],
        pixels[..., ::-1][..., ::-1],
        np.asfortranarray(pixels),
        torch.from_numpy(pixels).permute(2, 0, 1),
    ]
    for form in forms:
        found = as_image(form, "RGB")
        assert found.dtype == np.uint8
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, pixels)


def test_a_view_of_reversed_channels_has_reversed_channels(pixels):
    np.testing.assert_array_equal(as_image(pixels[..., ::-1], "RGB"), pixels[..., [2, 1, 0]])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_values_keep_their_type(kind, pixels):
    array = pixels.astype(kind)
    for form in (array, torch.from_numpy(array).permute(2, 0, 1)):
        found = as_image(form, "RGB")
        assert found.dtype == kind
        np.testing.assert_array_equal(found, array)


def test_half_precision_becomes_float32():
    found = as_image(torch.full((3, 2, 2), 0.5, dtype=torch.bfloat16), "RGB")
    assert found.dtype == np.float32
    assert (found == 0.5).all()


@pytest.mark.parametrize("mode", ["L", "1", "I;16", "F"])
def test_gray_pillow_images(mode):
    values = np.array([[0, 255], [255, 0]], {"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8))
    image = Image.fromarray(values).convert(mode) if mode == "1" else Image.fromarray(values)
    assert image.mode == mode
    np.testing.assert_array_equal(as_image(image, "gray")[..., 0], values)
    np.testing.assert_array_equal(as_image(image, "RGB"), np.repeat(values[..., None], 3, axis=2))


def test_a_palette_becomes_colors(pixels):
    palette = Image.fromarray(pixels).quantize(4)
    np.testing.assert_array_equal(as_image(palette, "RGB"), np.asarray(palette.convert("RGB")))


def test_exif_orientation_of_a_pillow_image(pixels, tmp_path):
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(as_image(Image.open(tmp_path / "a.png"), "RGB"), np.rot90(pixels, -1))


def test_any_number_of_bands():
    array = np.zeros((4, 5, 6), np.uint16)
    assert as_image(array, 6).shape == (4, 5, 6)
    assert as_image(torch.zeros(6, 4, 5), 6).shape == (4, 5, 6)


@pytest.mark.parametrize(
    ("source", "channels", "message"),
    [
        (np.zeros((4, 5, 4), np.uint8), "RGB", "the ndarray has 4 channels; expected RGB"),
        (np.zeros((3, 40, 50), np.uint8), "RGB", "the ndarray has 50 channels; expected RGB"),
        (np.zeros((4, 5, 3), np.uint8), 4, "the ndarray has 3 channels .RGB.; expected 4"),
        (torch.zeros(40, 50, 3), "RGB", "the Tensor has 40 channels; expected RGB"),
        (torch.zeros(1, 3, 4, 5), "RGB", r"shape \(1, 3, 4, 5\); expected \(C, H, W\) or \(H, W\)"),
        (np.zeros((0, 5, 3)), "RGB", r"shape \(0, 5, 3\); expected \(H, W, C\)"),
        (np.zeros(5), "RGB", "expected"),
        (Image.new("HSV", (2, 2)), "RGB", "mode HSV; convert it to L, RGB"),
        (Image.new("RGBA", (2, 2), (1, 2, 3, 4)), "RGB", r"the Image is transparent \(4 of 4 pixels\)"),
        (b"bytes", "RGB", "an image of type bytes; expected a path"),
        ("missing.png", "RGB", "no file missing.png"),
    ],
)
def test_what_is_refused(source, channels, message):
    with pytest.raises(InputError, match=message):
        as_image(source, channels)


def test_masked_values_are_not_passed_over(pixels):
    with pytest.raises(InputError, match="masked values"):
        as_image(np.ma.masked_greater(pixels, 100), "RGB")
    np.testing.assert_array_equal(as_image(np.ma.masked_array(pixels), "RGB"), pixels)


def test_a_damaged_file_that_pillow_has_opened_is_refused(pixels, tmp_path):
    Image.fromarray(pixels).resize((99, 99)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-300])
    with Image.open(tmp_path / "a.jpg") as image, pytest.raises(InputError, match=r"cannot be decoded.*truncated"):
        as_image(image, "RGB")


@pytest.mark.parametrize("size", [(0, 0), (0, 3)])
def test_a_pillow_image_without_pixels_is_refused(size):
    with pytest.raises(InputError, match="at least one pixel"):
        as_image(Image.new("RGB", size), "RGB")


def test_tensors_without_dense_values_are_refused():
    for tensor in (torch.zeros(3, 2, 2, device="meta"), torch.ones(3, 2, 2).to_sparse()):
        with pytest.raises(InputError, match="expected a dense tensor"):
            as_image(tensor, "RGB")
