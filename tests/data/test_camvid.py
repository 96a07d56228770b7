import shutil

import numpy as np
import pytest
import torch

from feedbackward.data import CAMVID, CamVidData
from feedbackward.errors import InputError


def test_items(camvid):
    data = CamVidData(root=camvid, num_workers=0)
    assert data.class_table is CAMVID
    assert (len(CAMVID), CAMVID.values, CAMVID.void_value) == (11, tuple(range(11)), 11)
    assert data.scoring == "classes"
    item = data.dataset("val")[1]
    assert set(item) == {"name", "image", "mask"}
    assert item["name"] == "scene_1"
    assert item["mask"].tolist() == [[255] * 8] + [[1] * 8] * 5


def test_fit_yields_batches(camvid):
    data = CamVidData(root=str(camvid), batch_size=2, num_workers=0, size=(3, 4))
    data.setup("fit")
    train, val = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert train["image"].shape == (2, 3, 3, 4)
    assert train["mask"].shape == (2, 3, 4)
    assert val["image"].shape == (1, 3, 3, 4)
    assert val["mask"].shape == (1, 6, 8)
    assert train["image"].dtype == torch.float32


def test_frames_can_be_jpeg(camvid, write, picture):
    for path in (camvid / "val").iterdir():
        path.unlink()
        write(path.with_suffix(".jpg"), picture)
    assert len(CamVidData(root=camvid).dataset("val")) == 2


def test_home_folder_is_found(camvid, monkeypatch):
    monkeypatch.setenv("HOME", str(camvid.parent))
    assert len(CamVidData(root="~/camvid").dataset("test")) == 1


def test_missing_folders(tmp_path, camvid):
    with pytest.raises(InputError, match=r"no folder .*nowhere/train\. Expected the layout .*data\.root"):
        CamVidData(root=tmp_path / "nowhere").dataset("train")
    shutil.rmtree(camvid / "valannot")
    with pytest.raises(InputError, match=r"no folder .*valannot\. Expected .*valannot/NAME\.png"):
        CamVidData(root=camvid).setup("fit")


def test_empty_folder(camvid):
    for path in (camvid / "train").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"no images in .*train and .*trainannot\. Expected the layout"):
        CamVidData(root=camvid).dataset("train")


def test_missing_annotation(camvid):
    (camvid / "trainannot" / "scene_1.png").unlink()
    with pytest.raises(InputError, match=r"images without a mask \(1\): scene_1\. Expected the layout"):
        CamVidData(root=camvid).dataset("train")


def test_value_outside_the_classes(camvid, write):
    write(camvid / "trainannot" / "scene_1.png", np.full((6, 8), 12, np.uint8))
    with pytest.raises(InputError, match=r"scene_1\.png: value 12 \(48 of \d+ pixels\).*expected 0 to 11\. CamVid's"):
        CamVidData(root=camvid).dataset("train")


def test_several_sizes_are_refused_before_training(camvid, write, picture):
    write(camvid / "train" / "scene_1.png", picture[:4])
    write(camvid / "trainannot" / "scene_1.png", np.zeros((4, 8), np.uint8))
    with pytest.raises(InputError, match=r"scene_0\.png is 6x8, .*scene_1\.png is 4x8"):
        CamVidData(root=camvid).dataset("train")
    assert len(CamVidData(root=camvid, size=(4, 4)).dataset("train")) == 3
