"""Tiny data sets, written for each test."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 6, 8


@pytest.fixture
def write():
    """Write an array as an image file, creating missing folders."""

    def _write(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path)
        return path

    return _write


@pytest.fixture
def picture():
    """A random image, uint8 (6, 8, 3)."""
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def camvid(tmp_path, write, picture):
    """The layout of CamVid: three training images, two for validation, one for testing."""
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for number in range(count):
            mask = np.full((HEIGHT, WIDTH), number, np.uint8)
            mask[0] = 11
            write(tmp_path / "camvid" / split / f"scene_{number}.png", picture)
            write(tmp_path / "camvid" / f"{split}annot" / f"scene_{number}.png", mask)
    return tmp_path / "camvid"


@pytest.fixture
def folder(tmp_path, write, picture):
    """A folder of images and masks: two classes, 0 and 1, with void, 255."""
    root = tmp_path / "folder"
    for split in ("train", "val"):
        for name in ("a", "b"):
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            mask[:, 4:] = 1
            mask[0] = 255
            write(root / "images" / split / f"{name}.jpg", picture)
            write(root / "masks" / split / f"{name}.png", mask)
    (root / "classes.yaml").write_text("classes: [background, car]\n")
    return root


@pytest.fixture
def cityscapes(tmp_path, write, picture):
    """The layout of Cityscapes: fine train, val and (withheld) test, coarse train and train_extra."""
    root = tmp_path / "cityscapes"
    frames = {
        ("gtFine", "train"): ("aachen_000000_000019", "bochum_000000_000313"),
        ("gtFine", "val"): ("frankfurt_000000_000294",),
        ("gtFine", "test"): ("berlin_000000_000019",),
        ("gtCoarse", "train"): ("aachen_000000_000019", "bochum_000000_000313"),
        ("gtCoarse", "train_extra"): ("augsburg_000000_000000",),
    }
    for (kind, split), names in frames.items():
        for name in names:
            city = name.split("_")[0]
            labels = np.full((HEIGHT, WIDTH), 3 if split == "test" else 7, np.uint8)
            if split != "test":
                labels[:2], labels[4:, :3] = 4, 26
            instances = labels.astype(np.uint16)
            instances[labels == 26] = 26001
            write(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", picture)
            write(root / kind / split / city / f"{name}_{kind}_labelIds.png", labels)
            write(root / kind / split / city / f"{name}_{kind}_instanceIds.png", instances)
    return root
