import shutil

import numpy as np
import pytest
from PIL import Image

from feedbackward.data import Augmentation, FolderData
from feedbackward.data.folder import find_suffix
from feedbackward.errors import InputError


def test_items(folder):
    data = FolderData(root=folder, num_workers=0)
    assert data.class_table.names == ("background", "car")
    assert data.scoring == "classes"
    item = data.dataset("val")[0]
    assert item["name"] == "a"
    assert item["image"].shape == (3, 6, 8)
    assert item["mask"].tolist() == [[255] * 8] + [[0] * 4 + [1] * 4] * 5


def test_class_file_elsewhere(folder, tmp_path):
    (folder / "classes.yaml").rename(tmp_path / "my.yaml")
    data = FolderData(root=folder, classes=tmp_path / "my.yaml")
    assert len(data.dataset("val")) == 2


def test_masks_of_colors(folder, write):
    (folder / "classes.yaml").unlink()
    (folder / "classes.json").write_text(
        '{"masks": "colors", "classes": [{"name": "sky", "color": [1, 2, 3]}, {"name": "car", "color": [9, 8, 7]}]}'
    )
    for name in ("a", "b"):
        mask = np.full((6, 8, 3), (1, 2, 3), np.uint8)
        mask[3:] = (9, 8, 7)
        write(folder / "masks" / "val" / f"{name}.png", mask)
    data = FolderData(root=folder)
    assert data.dataset("val")[0]["mask"].tolist() == [[0] * 8] * 3 + [[1] * 8] * 3
    write(folder / "masks" / "val" / "b.png", mask + 1)
    with pytest.raises(InputError, match=r"val/b\.png: colors \(2, 3, 4\), \(10, 9, 8\) \(48 of \d+ pixels\)"):
        data.dataset("val")


def test_missing_parts(folder, tmp_path):
    with pytest.raises(InputError, match=r"no folder .*nowhere; set data\.root"):
        FolderData(root=tmp_path / "nowhere").class_table  # noqa: B018
    with pytest.raises(InputError, match=r"no folder .*images/test\. Expected .*masks/test/NAME\.png"):
        FolderData(root=folder).dataset("test")
    shutil.rmtree(folder / "masks" / "val")
    with pytest.raises(InputError, match=r"no folder .*masks/val\. Expected"):
        FolderData(root=folder).setup("fit")
    (folder / "classes.yaml").unlink()
    with pytest.raises(InputError, match=r"no classes\.yaml or .*classes\.json in .*classes: \[background, car\]"):
        FolderData(root=folder).dataset("train")


def test_masks_with_other_names(folder):
    (folder / "masks" / "train" / "a.png").rename(folder / "masks" / "train" / "c.png")
    with pytest.raises(
        InputError, match=r"without a mask \(1\): a; masks without an image \(1\): c\. .*named like its"
    ):
        FolderData(root=folder).dataset("train")


def test_masks_with_a_suffix(folder):
    masks = folder / "masks" / "train"
    for name in ("a", "b"):
        (masks / f"{name}.png").rename(masks / f"{name}_mask.png")
    with pytest.raises(InputError, match=r"names of all masks end with _mask: set data\.mask_suffix to _mask$"):
        FolderData(root=folder).dataset("train")
    dataset = FolderData(root=folder, mask_suffix="_mask").dataset("train")
    assert [dataset[index]["name"] for index in range(2)] == ["a", "b"]
    (masks / "b_mask.png").rename(masks / "b.png")
    with pytest.raises(
        InputError, match=r"do not end with mask_suffix _mask \(1 of 2\): b\.png\. Expected .*/NAME_mask\.png"
    ):
        FolderData(root=folder, mask_suffix="_mask").dataset("train")
    (masks / "b.png").unlink()
    with pytest.raises(InputError, match=r"images without a mask \(1\): b\. Expected .*/NAME_mask\.png"):
        FolderData(root=folder, mask_suffix="_mask").dataset("train")


@pytest.mark.parametrize(
    ("images", "masks", "suffix"),
    [
        (["10", "20"], ["10_mask", "20_mask"], "_mask"),  # not 0_mask, which they share too
        (["a", "ab"], ["a_m", "ab_m"], "_m"),
        (["a", "b"], ["a_mask"], "_mask"),
        (["a", "b"], ["a", "b"], ""),
        (["a", "b"], ["a_mask", "b"], ""),
        (["a"], [], ""),
    ],
)
def test_the_suffix_of_masks_is_found(images, masks, suffix):
    assert find_suffix(images, masks) == suffix


def test_masks_as_jpeg(folder):
    for path in (folder / "masks" / "train").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    with pytest.raises(InputError, match=r"masks/train/a\.jpg is compressed with JPEG, which can change the values"):
        FolderData(root=folder).dataset("train")


def test_value_outside_the_classes(folder, write):
    write(folder / "masks" / "train" / "b.png", np.full((6, 8), 2, np.uint8))
    expected = (
        r"train/b\.png: value 2 \(48 of 48 pixels\) .*add the class .*classes\.yaml.*soft edges, set 'threshold:'"
    )
    with pytest.raises(InputError, match=expected):
        FolderData(root=folder).dataset("train")


@pytest.fixture
def black_and_white(folder, write):
    """The folder with the most common mistake: masks of 0 and 255."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            mask = np.zeros((6, 8), np.uint8)
            if name == "b":
                mask[:, 4:] = 255
            write(folder / "masks" / split / f"{name}.png", mask)
    return folder


def test_black_and_white_masks_are_refused_though_255_is_void(black_and_white):
    with pytest.raises(InputError, match=r"all 2 masks in .*train contain only 0 and 255.*value: 255"):
        FolderData(root=black_and_white).dataset("train")


def test_black_and_white_masks_are_refused_if_255_is_unused(black_and_white):
    (black_and_white / "classes.yaml").write_text("classes: [background, car]\nignore: null\n")
    with pytest.raises(InputError, match=r"b\.png: value 255 \(24 of \d+ pixels\).*black-and-white.*'value:'"):
        FolderData(root=black_and_white).dataset("train")


def test_the_remedy_for_black_and_white_masks_works(black_and_white):
    (black_and_white / "classes.yaml").write_text("classes: [background, {name: car, value: 255}]\n")
    mask = FolderData(root=black_and_white, augmentation=Augmentation()).dataset("train")[1]["mask"]
    assert mask.unique().tolist() == [0, 1]


def test_masks_of_a_single_class_are_valid(folder, write):
    for name in ("a", "b"):
        write(folder / "masks" / "val" / f"{name}.png", np.zeros((6, 8), np.uint8))
    assert len(FolderData(root=folder).dataset("val")) == 2


@pytest.mark.parametrize(
    ("classes", "row", "expected"),
    [
        ("classes: [{name: a, value: 0}, {name: b, value: [1, 2]}]", [0, 1, 2, 255], [0, 1, 1, 255]),
        ("ignore: [0, 9]\nclasses: [{name: a, value: 1}, {name: b, value: 2}]", [0, 1, 2, 9], [255, 0, 1, 255]),
        ("threshold: 128\nclasses: [a, {name: b, value: 255}]", [0, 39, 169, 255], [0, 0, 1, 1]),
        ("ignore: 0\nclasses: [{name: crack, value: 255}]", [0, 255, 255, 0], [255, 0, 0, 255]),
    ],
    ids=["merged values", "ignored values", "soft edges", "one class"],
)
def test_items_of_class_files(classes, row, expected, folder, write):
    (folder / "classes.yaml").write_text(classes)
    for name in ("a", "b"):
        write(folder / "masks" / "val" / f"{name}.png", np.array([row * 2] * 6, np.uint8))
    assert FolderData(root=folder).dataset("val")[0]["mask"].tolist() == [expected * 2] * 6


def test_an_image_and_a_mask_with_the_same_orientation(folder, picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers turn it by 90 degrees clockwise
    mask = np.zeros((6, 8), np.uint8)
    mask[0] = 1
    for name in ("a", "b"):
        Image.fromarray(picture).save(folder / "images" / "val" / f"{name}.jpg", exif=exif)
        Image.fromarray(mask).save(folder / "masks" / "val" / f"{name}.png", exif=exif)
    item = FolderData(root=folder).dataset("val")[0]
    assert item["image"].shape == (3, 8, 6)
    assert item["mask"].tolist() == [[0] * 5 + [1]] * 8


def test_more_classes_than_8_bits_hold(folder, write):
    (folder / "classes.yaml").write_text(f"classes: {[f'c{index}' for index in range(300)]}")
    mask = np.full((6, 8), 299, np.uint16)
    mask[0] = 65535
    for name in ("a", "b"):
        write(folder / "masks" / "val" / f"{name}.png", mask)
    data = FolderData(root=folder)
    assert data.dataset("val")[0]["mask"].tolist() == [[65535] * 8] + [[299] * 8] * 5
    assert data.class_table.ignore_index == 65535
