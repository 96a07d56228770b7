import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from feedbackward.errors import InputError
from feedbackward.preprocessing import LONGEST_SIDE, Preprocessing, Resize, scale_size, to_unit_range

IMAGENET = Preprocessing((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8).transpose(0, 3, 1, 2)


def test_each_channel_has_its_own_statistics(pixels):
    image = torch.from_numpy(pixels).double() / 255
    expected = torch.stack(
        [(image[:, 0] - 0.485) / 0.229, (image[:, 1] - 0.456) / 0.224, (image[:, 2] - 0.406) / 0.225]
    )
    torch.testing.assert_close(IMAGENET(image), expected.transpose(0, 1), rtol=0, atol=1e-14)


def test_arrays_and_tensors_are_normalized_alike(pixels):
    image = to_unit_range(pixels)
    np.testing.assert_array_equal(IMAGENET(image), IMAGENET(torch.from_numpy(image)).numpy())


def test_a_single_image(pixels):
    image = torch.from_numpy(to_unit_range(pixels))
    torch.testing.assert_close(IMAGENET(image[0]), IMAGENET(image)[0], rtol=0, atol=0)


def test_the_identity_changes_nothing(pixels):
    image = to_unit_range(pixels)
    assert Preprocessing.identity("RGB")(image) is image


def test_bgr_is_the_same_image_with_its_channels_reversed(pixels):
    image = to_unit_range(pixels)
    bgr = Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "BGR")
    expected = [(image[:, 2] - 0.1) / 0.4, (image[:, 1] - 0.2) / 0.5, (image[:, 0] - 0.3) / 0.6]
    np.testing.assert_allclose(bgr(image), np.stack(expected, axis=1), rtol=1e-6)
    np.testing.assert_allclose(bgr(torch.from_numpy(image)).numpy(), np.stack(expected, axis=1), rtol=1e-6)


@pytest.mark.parametrize(("count", "channels"), [(1, "gray"), (3, "RGB"), (4, 4)])
def test_the_usual_channels_of_a_number(count, channels):
    preprocessing = Preprocessing((0.5,) * count, (0.5,) * count)
    assert preprocessing.channels == channels
    assert preprocessing.in_channels == count


def test_a_data_set_determines_reading_and_resizing_but_not_the_normalization():
    data = Preprocessing.identity("BGR").without_normalization()
    assert data.channels == "RGB"
    data = Preprocessing((0,) * 3, (1,) * 3, "BGR", value_range=(0, 4095), resize=Resize(scale=0.5))
    seen = IMAGENET.reading_as(data)
    assert seen == Preprocessing(
        (0.406, 0.456, 0.485), (0.225, 0.224, 0.229), "BGR", value_range=(0, 4095), resize=Resize(scale=0.5)
    )
    with pytest.raises(InputError, match="takes images of 3 channels, and the data is read as 4: 4 channels"):
        IMAGENET.reading_as(Preprocessing.identity(4))


@pytest.mark.parametrize(
    "resize", [Resize(), Resize(size=(3, 5)), Resize(scale=0.5), Resize(longest_side=7), Resize(shortest_side=7)]
)
@pytest.mark.parametrize("value_range", [None, (0, 4095)])
def test_plain_data_describes_all_of_it(resize, value_range):
    preprocessing = Preprocessing((0.5,) * 4, (0.25,) * 4, 4, value_range, resize)
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Preprocessing((0.5,), (0.5, 0.5)), "1 means and 2 deviations"),
        (lambda: Preprocessing((0.5,), (0.0,)), r"std is \[0.0\]; expected positive"),
        (lambda: Preprocessing((0.5,), (0.5,), "RGB"), "1 means and 1 deviations for channels RGB; expected 3"),
        (lambda: Preprocessing.identity("CMYK"), "channels is 'CMYK'; expected gray, RGB, BGR or a number"),
        (lambda: Preprocessing((0.5,), (0.5,), value_range=(1, 1)), r"value_range is \[1, 1\]"),
        (lambda: Resize(size=(4, 4), scale=0.5), "size and scale exclude each other"),
        (lambda: Resize(size=(0, 4)), r"size is \[0, 4\]; expected \[height, width\], both from 1"),
        (lambda: Resize(scale=0), "scale is 0; expected a positive number"),
        (lambda: Resize(scale=float("nan")), "scale is nan; expected a positive number"),
        (lambda: Resize(longest_side=0), "longest_side is 0; expected a whole number of pixels"),
        (lambda: Resize(shortest_side=1.5), "shortest_side is 1.5; expected a whole number of pixels"),
        (lambda: Resize(size=(4, 5, 6)), r"size is \[4, 5, 6\]; expected \[height, width\]"),
        (lambda: Preprocessing((float("nan"),), (0.5,)), r"mean is \[nan\]; expected a finite number"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"resizing": {}}, "preprocessing has .*resizing; expected mean, std, channels, value_range, resize"),
        ({"resize": {"sise": [3, 4]}}, "resize has sise; expected size, scale, longest_side, shortest_side"),
        ({"resize": None}, "resize has None; expected size"),
        ({"resize": {"size": [3]}}, r"size is \[3\]"),
        ({"resize": {"size": [3, 4, 5]}}, r"size is \[3, 4, 5\]"),
        ({"resize": {"size": [3.7, 4]}}, r"size is \[3.7, 4\]"),
        ({"resize": {"size": "34"}}, "size is '34'"),
        ({"resize": {"scale": "0.5"}}, "scale is '0.5'"),
        ({"resize": {"scale": True}}, "scale is True"),
        ({"value_range": [0]}, r"value_range is \[0\]"),
        ({"value_range": [0, 1, 2]}, r"value_range is \[0, 1, 2\]"),
        ({"value_range": 255}, "value_range is 255"),
        ({"mean": "123"}, "mean is .*'1', '2', '3'"),
        ({"mean": 0.5}, "mean is 0.5"),
        ({"std": [0.1, "0.2", 0.3]}, "std is .*0.2"),
    ],
)
def test_data_that_was_edited_wrongly_is_refused(edit, message):
    with pytest.raises(InputError, match=message):
        Preprocessing.from_dict({**IMAGENET.to_dict(), **edit})


@pytest.mark.parametrize(
    ("resize", "expected", "words"),
    [
        (Resize(), (360, 480), "not resized"),
        (Resize(size=(96, 128)), (96, 128), "resized to 96x128 (height x width)"),
        (Resize(scale=0.25), (90, 120), "scaled by 0.25"),
        (Resize(longest_side=240), (180, 240), "resized to a longest side of 240"),
        (Resize(shortest_side=720), (720, 960), "resized to a shortest side of 720"),
    ],
)
def test_resizing(resize, expected, words):
    assert resize.output_size((360, 480)) == expected
    assert str(resize) == words
    assert bool(resize) == (expected != (360, 480))


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 3000))
def test_sides_have_their_length_and_keep_the_proportions(height, width, side):
    assume(side * max(height, width) <= LONGEST_SIDE * min(height, width))
    long = Resize(longest_side=side).output_size((height, width))
    short = Resize(shortest_side=side).output_size((height, width))
    assert max(long) == side
    assert min(short) == side
    assert abs(long[0] * width - long[1] * height) <= max(height, width) or 1 in long
    assert scale_size((height, width), 1) == (height, width)


def test_values_of_every_type_become_numbers_from_0_to_1(pixels):
    assert to_unit_range(pixels).dtype == np.float32
    np.testing.assert_allclose(to_unit_range(pixels), pixels / 255.0, rtol=1e-7)
    deep = pixels.astype(np.uint16) * 257
    np.testing.assert_allclose(to_unit_range(deep), pixels / 255.0, rtol=1e-6)
    np.testing.assert_allclose(to_unit_range(deep, (0, 65535)), pixels / 255.0, rtol=1e-6)
    np.testing.assert_allclose(to_unit_range(pixels / 255.0), pixels / 255.0, rtol=1e-6)
    np.testing.assert_allclose(to_unit_range(np.float32([-1000, 0, 3000]), (-1000, 3000)), [0, 0.25, 1])


def test_the_result_is_a_contiguous_copy(pixels):
    image = np.ones((4, 4, 3), np.float32)
    assert to_unit_range(pixels).flags["C_CONTIGUOUS"]
    assert to_unit_range(image[..., ::-1]).flags["C_CONTIGUOUS"]
    assert not np.shares_memory(to_unit_range(image), image)


@pytest.mark.parametrize(
    ("values", "value_range", "message"),
    [
        (np.float32([0, 255]), None, "values from 0 to 255, expected 0 to 1"),
        (np.float64([0, np.nan]), None, "expected 0 to 1"),
        (np.float32([-0.1, 1]), None, "values from -0.1 to 1"),
        (np.uint16([0, 5000]), (0, 4095), "values from 0 to 5000, expected 0 to 4095"),
        (np.uint8([0, 200]), (0, 4095), "type uint8 cannot have the values 0 to 4095"),
        (np.uint8([0, 200]), (0, 100), "values from 0 to 200, expected 0 to 100"),
        (np.int64([0, 1]), None, "values of type int64; expected uint8, uint16 or floating point"),
        (np.array([True, False]), None, "values of type bool"),
    ],
)
def test_values_outside_the_range_are_refused(values, value_range, message):
    with pytest.raises(InputError, match=message):
        to_unit_range(values, value_range)


def test_the_module_imports_no_torch():
    code = "import sys, feedbackward.preprocessing; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
