import numpy as np
import pytest
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.inference.images import IMAGE_SUFFIXES, check_images, find_images

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_finds_images_in_subfolders_and_leaves_the_rest(tmp_path):
    for name in ("b.JPG", "city/a.png", "city/notes.txt", ".hidden.png", "a.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.tif", "b.JPG", "city/a.png"]
    assert find_images(tmp_path / "b.JPG") == [tmp_path / "b.JPG"]


def test_names_what_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"no such image or folder: .*/nowhere"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no images in .* end in one of \.png \.jpg \.jpeg \.bmp"):
        find_images(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match=r"a\.txt is no image by its name"):
        find_images(tmp_path / "a.txt")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's own word on the truncated TIFF
@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_whole_images_pass_and_truncated_ones_do_not(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    Image.fromarray(PIXELS).save(path)
    check_images([path])
    content = path.read_bytes()
    for kept in (0, 10, len(content) // 2, len(content) - 40):
        path.write_bytes(content[:kept])
        with pytest.raises(InputError, match=r"image\.\w+ (is not an image|cannot be read)"):
            check_images([path])
