import pytest

from feedbackward.errors import InputError
from feedbackward.segmenters.images import find_images


def test_finds_images_in_subfolders_and_says_what_is_left_out(tmp_path, caplog):
    for name in ("b.JPG", "city/a.png", "city/notes.txt", ".hidden.png", "a.jpeg", ".cache/c.png", "x.png/d.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.jpeg", "b.JPG", "city/a.png", "x.png/d.tif"]
    left_out = "left out 3: 2 hidden (c.png, .hidden.png), 1 of another type (notes.txt)"
    assert caplog.messages == [f"{tmp_path}: {left_out}"]
    assert find_images(tmp_path / "b.JPG") == [tmp_path / "b.JPG"]


def test_missing_images_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no such image or folder: .*/nowhere"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no images in .* end in one of \.jpg \.jpeg .* \.tiff"):
        find_images(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(InputError, match=r"a\.txt does not have the suffix of an image"):
        find_images(tmp_path / "a.txt")
