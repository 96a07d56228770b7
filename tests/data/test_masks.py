import numpy as np
import pytest
from PIL import Image

from feedbackward.data.masks import read_instance_ids, read_mask
from feedbackward.errors import InputError


def test_mask_is_read_as_indices(tmp_path, write):
    mask = np.array([[0, 7], [255, 1]], np.uint8)
    write(tmp_path / "gray.png", mask)
    palette = Image.fromarray(mask, mode=None).convert("L")
    palette.putpalette([value for index in range(256) for value in (255 - index, index // 2, 3)])
    palette.save(tmp_path / "palette.png")
    write(tmp_path / "bits.png", mask > 1)
    np.testing.assert_array_equal(read_mask(tmp_path / "gray.png"), mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "palette.png"), mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "bits.png"), mask > 1)


def test_instance_ids_beyond_signed_16_bits(tmp_path, write):
    instances = np.array([[7, 33999], [26001, 65535]], np.uint16)
    path = write(tmp_path / "instances.png", instances)
    read = read_instance_ids(path)
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, instances)


@pytest.mark.parametrize("read", [read_mask, read_instance_ids], ids=lambda f: f.__name__)
def test_missing_files_and_other_formats(read, tmp_path):
    with pytest.raises(InputError, match=r"no file .*a\.png"):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"a\.png is not an image in PNG or JPEG \(16 bytes\); replace or remove"):
        read(tmp_path / "a.png")


def test_truncated_mask_and_instances(tmp_path, write):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    mask = write(tmp_path / "mask.png", noise)
    instances = write(tmp_path / "instances.png", noise.astype(np.uint16) * 100)
    for path in (mask, instances):
        path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"mask\.png cannot be read"):
        read_mask(mask)
    with pytest.raises(InputError, match=r"instances\.png cannot be read"):
        read_instance_ids(instances)


def test_deep_masks(tmp_path, write):
    path = write(tmp_path / "deep.png", np.full((4, 4), 3000, np.uint16))
    with pytest.raises(InputError, match=r"deep\.png has more than 8 bits per pixel; .*save it as uint8"):
        read_mask(path)


def test_colors_where_indices_are_expected(tmp_path, write, picture):
    path = write(tmp_path / "mask.png", picture)
    with pytest.raises(InputError, match=r"mask\.png has 3 channels \(RGB\); expected one .*masks: colors"):
        read_mask(path)


def test_instances_of_8_bits(tmp_path, write):
    path = write(tmp_path / "instances.png", np.full((4, 4), 30, np.uint8))
    with pytest.raises(InputError, match=r"instances\.png is not a 16-bit instance map \(L\)"):
        read_instance_ids(path)
