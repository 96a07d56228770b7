import numpy as np
import pytest
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.importing.layouts.folders import find


@pytest.fixture
def write(tmp_path):
    """Write images at these paths."""

    def _write(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / name)
        return tmp_path

    return _write


def pairs(found, root):
    """Name, image, mask and split of each sample."""
    return [
        (
            sample.name,
            sample.image.relative_to(root).as_posix(),
            sample.mask.relative_to(root).as_posix(),
            sample.split,
        )
        for sample in found.samples
    ]


@pytest.mark.parametrize(
    ("image", "mask", "name", "split"),
    [
        ("images/a.jpg", "masks/a.png", "a", None),
        ("JPEGImages/a.jpg", "SegmentationClass/a.png", "a", None),
        ("Images/a.jpg", "Labels/a.png", "a", None),
        ("images/train/a.jpg", "masks/train/a.png", "a", "train"),
        ("train/images/a.jpg", "train/masks/a.png", "a", "train"),
        ("images/training/a.jpg", "annotations/training/a.png", "a", "train"),
        ("images/train2017/a.jpg", "annotations/train2017/a.png", "a", "train"),
        ("images/val_1/a.jpg", "masks/val_1/a.png", "a", "val"),
        ("test/images/val/a.jpg", "test/masks/val/a.png", "a", "val"),
        ("valid/img/a.jpg", "valid/gt/a.png", "a", "val"),
        ("test/input/left/a.jpg", "test/targets/left/a.png", "left__a", "test"),
        ("images/a.jpg", "masks/a_mask.png", "a", None),
        ("images/val/a.jpg", "masks/val/a_L.png", "a", "val"),
        ("a.jpg", "a_mask.png", "a", None),
        ("train/a.jpg", "train/a_gt.png", "a", "train"),
        ("left/a.jpg", "left/a-label.png", "left__a", None),
        ("images/a.jpg", "images/a_mask.png", "images__a", None),
        ("input/images/a.jpg", "input/masks/a.png", "input__a", None),
        ("segmentation/image/a.jpg", "segmentation/label/a.png", "segmentation__a", None),
        ("images/frames/a.jpg", "masks/frames/a.png", "frames__a", None),
    ],
)
def test_layouts(image, mask, name, split, write):
    root = write(image, mask)
    found = find(root)
    assert pairs(found, root) == [(name, image, mask, split)]
    assert found.notes == ()


def test_nothing_that_is_a_mask(write):
    assert find(write("a.jpg", "b.png")) is None
    assert find(write("images/a.jpg")) is None


def test_several_pairs_are_sorted(write):
    root = write("images/b.jpg", "images/a.jpg", "masks/a.png", "masks/b.png")
    assert [sample.name for sample in find(root).samples] == ["a", "b"]


def test_what_is_left_out_is_noted(write):
    root = write(
        *("images/a.jpg", "images/b.jpg", "masks/a.png", "masks/c.png", "overview.png", "images/.d.jpg"),
        *(".ipynb_checkpoints/images/a.jpg", "__MACOSX/images/a.jpg"),
    )
    found = find(root)
    assert [sample.name for sample in found.samples] == ["a"]
    assert [note.replace(f"{root}/", "") for note in found.notes] == [
        "left out 1 images without a mask: images/b.jpg",
        "left out 1 masks without an image: masks/c.png",
        "left out 1 files that are neither images nor masks by their folder: overview.png",
        "left out 3 hidden files: .ipynb_checkpoints/images/a.jpg, __MACOSX/images/a.jpg, images/.d.jpg",
    ]


def test_classes_beside_the_folders(write):
    root = write("images/a.jpg", "masks/a.png")
    assert find(root).classes is None
    (root / "classes.txt").write_text("sky\nroad\n")
    assert find(root).classes == {"classes": ["sky", "road"]}
    (root / "classes.yml").write_text("classes: [a, b]\n")
    assert find(root).classes == root / "classes.yml"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("images/a.jpg", "masks/b.png"), r"no mask has the name of an image; masks are b, images a: name each mask"),
        (("a.jpg", "masks/a.png"), r"has 1 masks, such as .*masks/a\.png, but no images; put them into a folder named"),
        (("images/a.jpg", "images/a.png", "masks/a.png"), r"a\.jpg and .*a\.png have one name; remove or rename"),
        (("images/a.jpg", "img/a.jpg", "masks/a.png"), r"images/a\.jpg and .*img/a\.jpg have one name"),
        (("a.jpg", "a.png", "a_mask.png"), r"a\.jpg, .*a\.png have one name; remove or rename all but one"),
        (("a.jpg", "a_mask.bmp", "a_mask.png"), r"a_mask\.bmp, .*a_mask\.png have one name"),
        (
            ("images/train/a.jpg", "images/training/a.jpg", "masks/train/a.png", "masks/training/a.png"),
            r"images of one name \(1\): a; rename",
        ),
    ],
)
def test_ambiguous_or_missing_files(names, message, write):
    with pytest.raises(InputError, match=message):
        find(write(*names))
