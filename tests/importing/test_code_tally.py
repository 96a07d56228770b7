from collections import Counter

import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.data.encodings import ColorEncoding, unpack
from feedbackward.errors import InputError
from feedbackward.importing.code_tally import Codes, count_codes


@pytest.fixture
def mask(tmp_path):
    def write(pixels):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
        return path

    return write


def test_values_are_counted(mask):
    codes = count_codes([mask([[0, 1], [1, 7]]), mask([[1, 1], [1, 1]])])
    assert codes == Codes(False, Counter({0: 1, 1: 6, 7: 1}), Counter({0: 1, 1: 2, 7: 1}))


def test_colors_are_counted_and_gray_masks_among_them(mask):
    colored = mask([[(1, 2, 3), (255, 0, 0)], [(1, 2, 3), (4, 4, 4)]])
    codes = count_codes([colored, mask([[4, 4], [4, 0]])])
    assert codes.colors
    by_color = {unpack(code): count for code, count in codes.pixels.items()}
    assert by_color == {(1, 2, 3): 2, (255, 0, 0): 1, (4, 4, 4): 4, (0, 0, 0): 1}
    assert codes.masks[0x040404] == 2


def test_masks_that_cannot_be_read(mask, tmp_path):
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, np.arange(24, dtype=np.uint16).reshape(2, 4, 3), photometric="rgb")
    with pytest.raises(InputError, match=r"deep\.tif has colors of more than 8 bits per channel"):
        count_codes([mask([[0]]), path])
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"deep\.tif is not an image"):
        count_codes([path])


def test_palettes_among_colors_are_counted_as_they_are_read(mask, tmp_path):
    """By the colors of the palette, not by its indices."""
    palette = Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "palette.png")
    bits = Image.fromarray(np.array([[True, False]]))
    bits.save(tmp_path / "bits.png")
    paths = [mask([[(1, 2, 3), (0, 0, 0)]]), tmp_path / "palette.png", tmp_path / "bits.png"]
    codes = count_codes(paths)
    colors = {unpack(code): count for code, count in codes.pixels.items()}
    assert colors == {(0, 0, 0): 3, (1, 2, 3): 1, (10, 20, 30): 3, (255, 255, 255): 1}
    encoding = ColorEncoding({color: index for index, color in enumerate(colors)}, hint="")
    assert sum(encoding.read(path).size for path in paths) == sum(colors.values())


def test_deep_masks_among_colors(mask, tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", np.array([[0, 300]], np.uint16))
    with pytest.raises(InputError, match=r"deep\.tif has more than 8 bits per channel"):
        count_codes([mask([[(1, 2, 3)]]), tmp_path / "deep.tif"])
