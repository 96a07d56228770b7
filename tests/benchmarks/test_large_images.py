import numpy as np
import pytest

from feedbackward.data import files


def test_a_time_or_a_memory_above_the_limit_is_a_failure(script):
    judge = script("large_images").judge
    whole = {"peak_bytes": 6e9, "seconds": 10.0}
    assert judge((4000, 6000), {"tiles": {"peak_bytes": 1.9e9, "seconds": 13.0}, "whole": whole}) is None
    slow = judge((4000, 6000), {"tiles": {"peak_bytes": 1.9e9, "seconds": 13.1}, "whole": whole})
    assert slow == "tiles take 1.90 GB and 1.31 of the whole image's time"
    assert judge((4000, 6000), {"tiles": {"peak_bytes": 2.1e9, "seconds": 9.0}, "whole": whole}) is not None
    assert judge((15000, 20000), {"tiles": {"peak_bytes": 2.1e9, "seconds": 9.0}}) is None


@pytest.mark.parametrize("name", ["image.jpg", "image.tif"])
def test_images_have_their_size(script, tmp_path, name):
    script("large_images").draw_image(tmp_path / name, (1100, 700))
    image = files.read_image(tmp_path / name)
    assert image.shape == (1100, 700, 3)
    assert image.dtype == np.uint8
    assert image.std() > 50
