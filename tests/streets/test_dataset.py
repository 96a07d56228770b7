from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from feedbackward.data import Augmentation
from feedbackward.data.cityscapes_labels import CITYSCAPES, TRAIN_IDS
from feedbackward.errors import InputError
from feedbackward.streets import Streets, StreetsData, draw_scene
from feedbackward.streets import dataset as dataset_module
from feedbackward.streets.scene import Scene

SIZE = (24, 48)


def test_evaluation_items() -> None:
    for number, split in enumerate(("train", "val", "test")):
        item = Streets(split, scenes=3, seed=4, size=SIZE)[2]
        scene = draw_scene((4, number, 2), SIZE)
        assert item["name"] == f"streets_{number:06d}_000002"
        assert item["image"].dtype == torch.float32
        torch.testing.assert_close(item["image"] * 255, torch.from_numpy(scene.image).permute(2, 0, 1).float())
        assert item["mask"].dtype == torch.int64
        np.testing.assert_array_equal(item["mask"].numpy(), TRAIN_IDS[scene.label_ids])
        if split == "train":
            assert item.keys() == {"name", "image", "mask"}
        else:
            np.testing.assert_array_equal(item["label_ids"].numpy(), scene.label_ids)
            np.testing.assert_array_equal(item["instance_ids"].numpy(), scene.instance_ids)
            assert (item["label_ids"].dtype, item["instance_ids"].dtype) == (torch.uint8, torch.int32)


def test_items_depend_neither_on_the_order_nor_on_the_number_of_scenes() -> None:
    few, many = Streets("val", scenes=3, size=SIZE), Streets("val", scenes=100, size=SIZE)
    from_the_last = [few[index]["image"] for index in (2, 1, 0)][::-1]
    for index, image in enumerate(from_the_last):
        torch.testing.assert_close(many[index]["image"], image, rtol=0, atol=0)
        torch.testing.assert_close(few[index]["image"], image, rtol=0, atol=0)


def test_no_two_scenes_of_a_seed_are_alike() -> None:
    scenes = [
        item["image"].numpy().tobytes()
        for seed in (0, 1)
        for split in ("train", "val", "test")
        for item in (Streets(split, scenes=2, seed=seed, size=SIZE)[index] for index in range(2))
    ]
    assert len(set(scenes)) == 12


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indices of the scenes that are drawn, each time."""
    indices: list[int] = []

    def counted(seed: tuple[int, int, int], size: tuple[int, int]) -> Scene:
        indices.append(seed[2])
        return draw_scene(seed, size)

    monkeypatch.setattr(dataset_module, "draw_scene", counted)
    return indices


def set_cache(monkeypatch: pytest.MonkeyPatch, *, scenes: int) -> None:
    """Make the cache just large enough for some scenes."""
    monkeypatch.setattr(dataset_module, "CACHE_BYTES", scenes * SIZE[0] * SIZE[1] * (3 + 1 + 4))


def read_all(streets: Streets) -> None:
    for index in range(len(streets)):
        streets[index]


def test_a_scene_is_drawn_once_while_the_cache_has_room(monkeypatch: pytest.MonkeyPatch, drawn: list[int]) -> None:
    set_cache(monkeypatch, scenes=2)
    streets = Streets("train", scenes=3, size=SIZE)
    read_all(streets)
    read_all(streets)
    assert drawn == [0, 1, 2, 2]


@pytest.mark.parametrize(("processes", "cached"), [(1, 4), (2, 2), (3, 1)])
def test_the_processes_of_a_loader_share_the_cache(
    monkeypatch: pytest.MonkeyPatch, drawn: list[int], processes: int, cached: int
) -> None:
    set_cache(monkeypatch, scenes=4)
    monkeypatch.setattr(dataset_module, "get_worker_info", lambda: SimpleNamespace(num_workers=processes))
    streets = Streets("train", scenes=5, size=SIZE)
    read_all(streets)
    drawn.clear()
    read_all(streets)
    assert drawn == list(range(cached, 5))


def test_an_item_can_be_changed_without_changing_the_scene() -> None:
    streets = Streets("val", scenes=1, size=SIZE)
    first = streets[0]
    expected = {key: value.clone() for key, value in first.items() if isinstance(value, torch.Tensor)}
    for key in expected:
        first[key].zero_()  # type: ignore[literal-required]
    for key, value in expected.items():
        torch.testing.assert_close(streets[0][key], value)  # type: ignore[literal-required]


def test_iteration_ends() -> None:
    assert len(list(Streets("train", scenes=2, size=SIZE))) == 2  # type: ignore[call-overload]
    with pytest.raises(IndexError):
        Streets("train", scenes=2, size=SIZE)[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenes": 0}, "0 scenes in split 'val'; expected 1 or more"),
        ({"scenes": 1, "seed": -1}, "seed is -1; expected 0 or more"),
        ({"scenes": 1, "size": (0, 5)}, "size is"),
    ],
)
def test_refused_numbers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Streets("val", **options)


def test_datamodule() -> None:
    data = StreetsData(train_scenes=5, val_scenes=2, test_scenes=1, size=SIZE, batch_size=2, num_workers=0, seed=3)
    assert data.class_table is CITYSCAPES
    assert data.scoring == "cityscapes"
    data.setup("fit")
    data.setup("test")
    train, val, test = list(data.train_dataloader()), list(data.val_dataloader()), list(data.test_dataloader())
    assert [len(batch["name"]) for batch in train] == [2, 2]
    assert train[0]["image"].shape == (2, 3, *SIZE)
    assert train[0]["mask"].shape == (2, *SIZE)
    assert [name for batch in val for name in batch["name"]] == ["streets_000001_000000", "streets_000001_000001"]
    assert [name for batch in test for name in batch["name"]] == ["streets_000002_000000"]
    torch.testing.assert_close(val[0]["label_ids"][1], Streets("val", scenes=2, seed=3, size=SIZE)[1]["label_ids"])


def test_the_datamodule_flips_training_scenes_only() -> None:
    data = StreetsData(train_scenes=1, val_scenes=1, size=SIZE, num_workers=0, augmentation=Augmentation())
    torch.manual_seed(0)
    for split, kinds in (("train", 2), ("val", 1)):
        dataset = data.dataset(split)
        assert len({dataset[0]["image"].numpy().tobytes() for _ in range(16)}) == kinds


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_scenes": 0}, "train_scenes is 0; expected 1 or more"),
        ({"val_scenes": -2}, "val_scenes is -2; expected 1 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_the_datamodule_refuses_numbers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        StreetsData(**options)
