"""The validation images of data sets, with their masks as the classes of a network."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.explaining.labeled import LabeledImages
from feedbackward.importing import recognize, split_samples

TABLE = ClassTable(("wall", "crack"), ((0, 0, 0), (255, 0, 0)))


def write(root: Path, masks: list[np.ndarray], *, split: str = "") -> None:
    for number, mask in enumerate(masks):
        for kind, pixels in (("images", np.full((*mask.shape, 3), number, np.uint8)), ("masks", mask)):
            file = root / kind / split / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)


@pytest.fixture
def masks() -> list[np.ndarray]:
    return [np.array([[0, 255, 255], [0, 0, 255]], np.uint8)] * 8


def test_the_split_of_a_data_set_without_names(tmp_path: Path, masks: list[np.ndarray]) -> None:
    write(tmp_path, masks[:3], split="train")
    write(tmp_path, masks[3:5], split="val")
    found = LabeledImages(tmp_path, TABLE)
    assert len(found) == 2
    assert found.what == f"2 images of {tmp_path} of the split val"
    for image, mask in found:
        assert isinstance(image, Path)
        assert image.parent.name == "val"
        assert mask.tolist() == [[0, 1, 1], [0, 0, 1]]


def test_without_a_split_it_is_divided_as_for_training(tmp_path: Path, masks: list[np.ndarray]) -> None:
    write(tmp_path, masks)
    found = LabeledImages(tmp_path, TABLE)
    held_out = [sample.image for sample in split_samples(recognize(tmp_path).samples) if sample.split == "val"]
    assert [image for image, _ in found] == held_out
    assert "that `feedbackward train` holds out for validation" in found.what


def test_other_classes_are_refused(tmp_path: Path, masks: list[np.ndarray]) -> None:
    write(tmp_path, masks)
    other = ClassTable(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    with pytest.raises(InputError, match="the masks do not name their classes, the network has 3"):
        LabeledImages(tmp_path, other)
    (tmp_path / "classes.yaml").write_text("ignore: null\nclasses:\n- {name: a, value: 0}\n- {name: b, value: 255}\n")
    with pytest.raises(InputError, match=r"trained on 2 classes \(wall, crack\), but the data has 2 \(a, b\)"):
        LabeledImages(tmp_path, TABLE)
