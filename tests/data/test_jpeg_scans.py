import io
import re

import numpy as np
import pytest
from PIL import Image

from feedbackward.data.jpeg_scans import lacks_scans

SCAN, END = b"\xff\xda", b"\xff\xd9"


def encode(mode, **options):
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((300, 200)).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 95, "subsampling": 0}]
)
def test_complete_files(mode, options):
    assert not lacks_scans(encode(mode, **options))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_progressive_file_that_ends_before_any_of_its_scans(mode):
    data = encode(mode, progressive=True)
    starts = [match.start() for match in re.finditer(re.escape(SCAN), data)]
    assert len(starts) > 4
    assert all(lacks_scans(data[:start] + END) for start in starts)
