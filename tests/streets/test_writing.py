from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.data.cityscapes import CityscapesData
from feedbackward.data.cityscapes_labels import TRAIN_IDS
from feedbackward.errors import InputError
from feedbackward.streets import Streets, draw_scene, write_cityscapes, writing

SIZE = (24, 48)


def test_files_contain_the_scenes(tmp_path: Path) -> None:
    root = tmp_path / "new" / "set"
    written: list[None] = []
    write_cityscapes(root, counts={"train": 2, "val": 1}, seed=5, size=SIZE, on_scene=lambda: written.append(None))
    assert len(written) == 3
    expected = {
        f"{folder}/{split}/streets/streets_{number:06d}_{index:06d}_{kind}.png"
        for number, (split, count) in enumerate((("train", 2), ("val", 1)))
        for index in range(count)
        for folder, kind in (
            ("leftImg8bit", "leftImg8bit"),
            ("gtFine", "gtFine_labelIds"),
            ("gtFine", "gtFine_labelTrainIds"),
            ("gtFine", "gtFine_instanceIds"),
        )
    }
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.png")} == expected
    scene = draw_scene((5, 0, 1), SIZE)
    truth = root / "gtFine" / "train" / "streets" / "streets_000000_000001_gtFine_labelIds.png"
    with Image.open(truth) as labels, Image.open(str(truth).replace("labelIds", "instanceIds")) as instances:
        assert (labels.mode, instances.mode) == ("L", "I;16")
        np.testing.assert_array_equal(np.array(labels), scene.label_ids)
        np.testing.assert_array_equal(np.array(instances).astype(np.int32), scene.instance_ids)
    with Image.open(str(truth).replace("labelIds", "labelTrainIds")) as trains:
        np.testing.assert_array_equal(np.array(trains), TRAIN_IDS[scene.label_ids])
    with Image.open(root / "leftImg8bit/train/streets/streets_000000_000001_leftImg8bit.png") as image:
        np.testing.assert_array_equal(np.array(image), scene.image)
    assert list(root.parent.iterdir()) == [root]


def test_the_cityscapes_reader_returns_what_streets_draws(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    write_cityscapes(root, counts={"train": 1, "val": 2}, seed=5, size=SIZE)
    read = CityscapesData(root=root, size=None).dataset("val")
    drawn = Streets("val", scenes=2, seed=5, size=SIZE)
    for index in range(2):
        found, expected = read[index], drawn[index]
        assert found.keys() == expected.keys()
        assert found["name"] == expected["name"]
        for key in ("image", "mask", "label_ids", "instance_ids"):
            torch.testing.assert_close(found[key], expected[key], rtol=0, atol=0)  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": {"val": 0}}, "no scenes to write"),
        ({"counts": {}}, "no scenes to write"),
        ({"counts": {"val": 1, "train": -1}}, "-1 scenes in split 'train'; expected 0 or more"),
        ({"counts": {"night": 1}}, "unknown split 'night'; expected one of train, val, test"),
        ({"seed": -4}, "seed is -4"),
        ({"size": (10, 0)}, "size is"),
    ],
)
def test_invalid_numbers_write_nothing(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_cityscapes(tmp_path / "set", **{"counts": {"val": 1}, "size": SIZE, **options})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_refused_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "set" / "note.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(InputError, match=r"set exists and is not an empty folder; give a new one"):
        write_cityscapes(kept.parent, counts={"val": 1}, size=SIZE)
    with pytest.raises(InputError, match=r"note.txt exists and is not an empty folder"):
        write_cityscapes(kept, counts={"val": 1}, size=SIZE)
    with pytest.raises(InputError, match=r"cannot be written .*; choose another place"):
        write_cityscapes(kept / "below" / "set", counts={"val": 1}, size=SIZE)
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "note.txt"]
    assert kept.read_text() == "mine"


def test_a_link_to_nothing_is_refused_and_one_to_an_empty_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nothing")
    with pytest.raises(InputError, match=r"broken exists and is not an empty folder; give a new one"):
        write_cityscapes(tmp_path / "broken", counts={"val": 1}, size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    write_cityscapes(tmp_path / "link", counts={"val": 1}, size=SIZE)
    assert (tmp_path / "link").is_symlink()
    assert len([*(tmp_path / "there").rglob("*_leftImg8bit.png")]) == 1


def test_an_interrupted_run_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seed: tuple[int, int, int], size: tuple[int, int]) -> Any:
        if seed[2] == 1:
            raise KeyboardInterrupt
        return draw_scene(seed, size)

    monkeypatch.setattr(writing, "draw_scene", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_cityscapes(tmp_path / "set", counts={"val": 2}, size=SIZE)
    assert list(tmp_path.iterdir()) == []
