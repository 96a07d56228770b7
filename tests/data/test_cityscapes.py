import shutil

import numpy as np
import pytest
import torch

from feedbackward.data import CITYSCAPES, Augmentation, CityscapesData
from feedbackward.errors import InputError

VAL = "frankfurt_000000_000294"


@pytest.fixture
def data(cityscapes):
    return CityscapesData(root=cityscapes, num_workers=0, size=(3, 4), augmentation=Augmentation())


def test_training_items_are_decimated_train_ids(data):
    assert data.class_table is CITYSCAPES
    assert data.scoring == "cityscapes"
    train = data.dataset("train")
    assert len(train) == 2
    item = train[0]
    assert set(item) == {"name", "image", "mask"}
    assert item["name"] == "aachen_000000_000019"
    assert item["image"].shape == (3, 3, 4)
    assert item["mask"].shape == (3, 4)
    assert item["mask"].unique().tolist() == [0, 13, 255]


def test_validation_items_have_the_annotations_at_full_resolution(data):
    item = data.dataset("val")[0]
    assert item["name"] == VAL
    assert item["image"].shape == (3, 3, 4)
    assert item["mask"].dtype == torch.int64
    assert item["mask"].tolist() == [[255] * 8] * 2 + [[0] * 8] * 2 + [[13] * 3 + [0] * 5] * 2
    assert item["label_ids"].dtype == torch.uint8
    assert item["label_ids"].tolist() == [[4] * 8] * 2 + [[7] * 8] * 2 + [[26] * 3 + [7] * 5] * 2
    assert item["instance_ids"].dtype == torch.int32
    assert item["instance_ids"].unique().tolist() == [4, 7, 26001]


def test_fit_yields_batches(data):
    data.setup("fit")
    assert next(iter(data.train_dataloader()))["image"].shape == (2, 3, 3, 4)
    batch = next(iter(data.val_dataloader()))
    assert batch["instance_ids"].shape == (1, 6, 8)


def test_the_defaults_are_those_of_the_paper(cityscapes):
    data = CityscapesData(root=cityscapes)
    assert (data.preprocessing.resize.size, data.batch_size, data.augmentation.horizontal_flip) == ((512, 1024), 2, 0.5)


@pytest.mark.parametrize(
    ("annotations", "kinds"),
    [
        ("fine", ["gtFine", "gtFine"]),
        ("coarse", ["gtCoarse", "gtCoarse", "gtCoarse"]),
        ("fine+coarse", ["gtFine", "gtFine", "gtCoarse"]),
    ],
)
def test_training_sets(annotations, kinds, cityscapes):
    pairs = CityscapesData(root=cityscapes, train_annotations=annotations).dataset("train").pairs
    assert [pair.mask.name.split("_")[3] for pair in pairs] == kinds
    assert ("train_extra" in pairs[-1].image.parts) == (annotations != "fine")


def test_test_split_is_predicted_but_not_scored(data):
    with pytest.raises(InputError, match=r"gtFine/test are dummies.*Score on val, or predict"):
        data.setup("test")
    data.setup("predict")
    (batch,) = data.predict_dataloader()
    assert set(batch) == {"name", "image"}
    assert batch["name"] == ["berlin_000000_000019"]
    assert batch["image"].shape == (1, 3, 3, 4)


def test_annotated_test_split_is_scored(data, cityscapes, write):
    folder = cityscapes / "gtFine" / "test" / "berlin"
    write(folder / "berlin_000000_000019_gtFine_labelIds.png", np.full((6, 8), 7, np.uint8))
    data.setup("test")
    assert "instance_ids" in next(iter(data.test_dataloader()))


def test_missing_folders_say_what_to_download(tmp_path, cityscapes):
    with pytest.raises(InputError, match=r"no folder .*nowhere/leftImg8bit/train\. Unpack leftImg8bit_trainvaltest"):
        CityscapesData(root=tmp_path / "nowhere").dataset("train")
    shutil.rmtree(cityscapes / "gtFine")
    with pytest.raises(InputError, match=r"no folder .*gtFine/val\. Unpack .* and gtFine_trainvaltest\.zip"):
        CityscapesData(root=cityscapes).dataset("val")
    shutil.rmtree(cityscapes / "leftImg8bit" / "train_extra")
    with pytest.raises(InputError, match=r"train_extra\. Unpack leftImg8bit_trainextra\.zip and gtCoarse\.zip"):
        CityscapesData(root=cityscapes, train_annotations="coarse").dataset("train")


def test_a_root_one_level_off_is_detected(cityscapes):
    for root in (cityscapes.parent, cityscapes / "leftImg8bit"):
        with pytest.raises(InputError, match=r"leftImg8bit is in .*cityscapes: set data\.root to it"):
            CityscapesData(root=root).dataset("train")


def test_missing_files(data, cityscapes):
    (cityscapes / "gtFine" / "val" / "frankfurt" / f"{VAL}_gtFine_instanceIds.png").unlink()
    with pytest.raises(
        InputError, match=rf"instance maps are missing .*gtFine/val \(1 of 1\): {VAL}_gtFine_instanceIds"
    ):
        data.dataset("val")
    (cityscapes / "gtFine" / "train" / "aachen" / "aachen_000000_000019_gtFine_labelIds.png").unlink()
    (cityscapes / "leftImg8bit" / "train" / "bochum" / "bochum_000000_000313_leftImg8bit.png").unlink()
    expected = (
        r"images without a mask \(1\): aachen_000000_000019; masks without an image \(1\): bochum_000000_000313\."
    )
    with pytest.raises(InputError, match=expected):
        data.dataset("train")
    shutil.rmtree(cityscapes / "leftImg8bit" / "val" / "frankfurt")
    with pytest.raises(InputError, match=r"no images in .*leftImg8bit/val"):
        data.dataset("val")


def test_one_frame_in_two_cities(data, cityscapes, write, picture):
    write(cityscapes / "leftImg8bit" / "val" / "bonn" / f"{VAL}_leftImg8bit.png", picture)
    with pytest.raises(InputError, match=r"bonn/.*frankfurt/.* have the same name"):
        data.dataset("val")


def test_train_ids_in_place_of_label_ids(data, cityscapes, write):
    path = cityscapes / "gtFine" / "val" / "frankfurt" / f"{VAL}_gtFine_labelIds.png"
    write(path, np.full((6, 8), 255, np.uint8))
    with pytest.raises(InputError, match=r"labelIds\.png: value 255 \(48 of \d+ pixels\).*0 to 33\. .*train ids"):
        data.dataset("val")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (34000, "the value 34000, which is not an instance id; expected label id"),
        (65535, "the value 65535, which is not an instance id"),
        (7001, "the value 7001, an instance of 'road', which has no instances; expected label id"),
    ],
)
def test_invalid_instances_are_found_when_a_split_is_opened(value, message, data, cityscapes, write):
    path = cityscapes / "gtFine" / "val" / "frankfurt" / f"{VAL}_gtFine_instanceIds.png"
    instances = np.array([[7, 0, 1000, 26001, 33999, 30002, 29001, 2001]] * 6, np.uint16)
    write(path, instances)
    data.dataset("val")  # instances of labels that are not evaluated are ignored
    instances[3, 3] = value
    write(path, instances)
    with pytest.raises(InputError, match=rf"{VAL}_gtFine_instanceIds\.png contains {message}"):
        data.dataset("val")


def test_malformed_instance_maps(data, cityscapes, write):
    path = cityscapes / "gtFine" / "val" / "frankfurt" / f"{VAL}_gtFine_instanceIds.png"
    write(path, np.full((3, 8), 7, np.uint16))
    with pytest.raises(InputError, match=r"instanceIds\.png is 3x8 but its image .* is 6x8"):
        data.dataset("val")
    write(path, np.full((6, 8), 7, np.uint8))
    with pytest.raises(InputError, match=r"instanceIds\.png is not a 16-bit instance map"):
        data.dataset("val")


def test_files_beside_the_images_are_said(cityscapes, data, caplog):
    data.dataset("val")
    assert not caplog.messages
    images = cityscapes / "leftImg8bit" / "val"
    (images / "readme.txt").touch()
    (images / "frankfurt" / f"{VAL}.png").touch()
    data.dataset("val")
    assert caplog.messages == [
        f"{images}: left out 1: 1 beside the folders of cities (readme.txt)",
        f"{images / 'frankfurt'}: left out 1: 1 without _leftImg8bit at the end of the name ({VAL}.png)",
    ]
