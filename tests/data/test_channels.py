from pathlib import Path

import numpy as np
import pytest

from feedbackward.data.channels import check_channels, select_channels
from feedbackward.data.stored import Layout
from feedbackward.errors import InputError

GRAY, RGB, RGBA = Layout(1, "gray"), Layout(3, "RGB"), Layout(4, "RGB", alpha=True)
PATH = Path("a.png")


def select(pixels, layout, channels):
    check_channels(layout, channels, PATH)
    return select_channels(pixels, layout, channels, PATH)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gray_is_repeated_and_equal_channels_become_gray(dtype):
    gray = np.arange(6).reshape(2, 3, 1).astype(dtype)
    for channels in ("RGB", "BGR"):
        colors = select(gray, GRAY, channels)
        assert colors.dtype == dtype
        np.testing.assert_array_equal(colors, np.concatenate([gray] * 3, axis=2))
    np.testing.assert_array_equal(select(colors, RGB, "gray"), gray)
    np.testing.assert_array_equal(select(gray, GRAY, "gray"), gray)
    np.testing.assert_array_equal(select(gray, GRAY, 1), gray)


def test_colors_are_read_as_rgb_for_bgr_too(picture):
    for channels in ("RGB", "BGR"):
        np.testing.assert_array_equal(select(picture, RGB, channels), picture)


def test_colors_are_not_mixed_into_gray(picture):
    with pytest.raises(
        InputError, match=r"a\.png has colors; expected a gray image: .*train a network with channels RGB"
    ):
        select(picture, RGB, "gray")


@pytest.mark.parametrize(("dtype", "opaque"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_alpha_is_left_out_where_it_is_opaque(dtype, opaque):
    pixels = np.full((2, 3, 4), opaque, dtype)
    pixels[..., :3] = np.arange(18).reshape(2, 3, 3)
    np.testing.assert_array_equal(select(pixels, RGBA, "RGB"), pixels[..., :3])
    pixels[1, 2, 3] = 0
    with pytest.raises(InputError, match=r"a\.png is transparent \(1 of 6 pixels\); expected RGB.* channels 4"):
        select(pixels, RGBA, "RGB")
    np.testing.assert_array_equal(select(pixels, RGBA, 4), pixels)


def test_numbers_of_channels_are_exact():
    message = r"a\.png has 3 channels \(RGB\); expected 4, the number of channels of the network: .* channels RGB"
    with pytest.raises(InputError, match=message):
        check_channels(RGB, 4, PATH)
    with pytest.raises(InputError, match=r"a\.png has 4 channels \(RGB and alpha\); expected 3.* channels 4"):
        check_channels(RGBA, 3, PATH)
    with pytest.raises(InputError, match=r"a\.png has 1 channel \(gray\); expected 3.* channels gray"):
        check_channels(GRAY, 3, PATH)


def test_channels_that_are_no_colors(picture):
    with pytest.raises(InputError, match=r"a\.png has 5 channels; expected RGB: .* a network with channels 5"):
        check_channels(Layout(5, None), "RGB", PATH)
    np.testing.assert_array_equal(select(picture, Layout(3, None), "RGB"), picture)


def test_cmyk_of_16_bits_is_refused():
    with pytest.raises(InputError, match=r"a\.png is a CMYK image of uint16; expected 8 bits"):
        select(np.zeros((2, 2, 4), np.uint16), Layout(4, "CMYK"), "RGB")
