import subprocess
import sys

import numpy as np
import pytest
import torch

from feedbackward.preprocessing import Preprocessing, to_unit_range

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
    image = to_unit_range(torch.from_numpy(pixels))
    torch.testing.assert_close(IMAGENET(image[0]), IMAGENET(image)[0], rtol=0, atol=0)


def test_the_identity_changes_nothing(pixels):
    image = to_unit_range(pixels)
    np.testing.assert_array_equal(Preprocessing.identity(3)(image), image)


def test_channels():
    assert IMAGENET.channels == Preprocessing.identity(3).channels == 3


def test_8_bit_arrays_and_tensors_become_the_same_numbers(pixels):
    image = to_unit_range(pixels)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, to_unit_range(torch.from_numpy(pixels)).numpy())
    np.testing.assert_allclose(image, pixels / 255.0, rtol=1e-7)


@pytest.mark.parametrize("to", [np.asarray, torch.from_numpy])
def test_8_bit_images_become_contiguous(pixels, to):
    unit = np.asarray(to_unit_range(to(pixels)))
    assert unit.flags["C_CONTIGUOUS"]


def test_floating_point_images_are_unchanged():
    image = torch.rand(1, 3, 4, 4)
    assert to_unit_range(image) is image


def test_the_module_imports_no_torch():
    code = "import sys, feedbackward.preprocessing; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
