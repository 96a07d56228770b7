import numpy as np
import pytest
from PIL import Image

from feedbackward.data.files import read_image
from feedbackward.data.large import LargeImage, read_unless_large
from feedbackward.errors import InputError


@pytest.fixture
def path(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 50, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    return tmp_path / "a.jpg"


def test_an_image_is_read_up_to_the_limit(path):
    np.testing.assert_array_equal(read_unless_large(path, "RGB", 0.001), read_image(path))
    np.testing.assert_array_equal(read_unless_large(path, "RGB"), read_image(path))


def test_above_the_limit_only_the_header_is_read(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    image = read_unless_large(path, "RGB", 0.000999)
    assert image == LargeImage(path, "RGB", (50, 20))
    with image.open() as bands, pytest.raises(InputError, match=r"a\.jpg cannot be read"):
        bands.read(0, 50)


def test_other_channels_are_found_in_the_header(path):
    with pytest.raises(InputError, match=r"a\.jpg has 3 channels \(RGB\); expected 4"):
        read_unless_large(path, 4, 0.0001)
