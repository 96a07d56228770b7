import os
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.augmentation import Augmentation
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.errors import InputError


class Numbers(Dataset):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        mask = torch.full((4, 5), index)
        return {"name": f"{index}", "image": mask.expand(3, -1, -1) / 255, "mask": mask}


class NumbersData(SegmentationDataModule):
    def __init__(self, count=7, **options):
        super().__init__(**{"batch_size": 2, "num_workers": 0, **options})
        self.count = count
        self.asked = []

    @property
    def class_table(self):
        return ClassTable(("a",), ((0, 0, 0),))

    def dataset(self, split):
        self.asked.append(split)
        return Numbers(self.count)


def names(loader):
    return [name for batch in loader for name in batch["name"]]


@pytest.mark.parametrize(
    ("stage", "splits"),
    [("fit", ["train", "val"]), ("validate", ["val"]), ("test", ["test"]), ("predict", [])],
)
def test_a_stage_opens_its_splits(stage, splits):
    data = NumbersData()
    data.setup(stage)
    assert data.asked == splits


def test_a_split_is_opened_once():
    data = NumbersData()
    data.setup("fit")
    data.setup("validate")
    assert data.asked == ["train", "val"]


def test_training_batches_are_full_and_shuffled_from_the_seed():
    torch.manual_seed(1)
    data = NumbersData()
    data.setup("fit")
    loader = data.train_dataloader()
    first = names(loader)
    second, third = names(loader), names(data.train_dataloader())  # without a trainer too each is a new epoch
    assert len({*map(tuple, (first, second, third))}) == 3
    loader.sampler.set_epoch(0)
    assert [names(loader), names(loader)] == [first, second]
    assert len(set(first)) == len(first) == 6

    torch.manual_seed(2)
    other, resumed = NumbersData(), NumbersData()
    resumed.load_state_dict(data.state_dict())
    for again, same in ((other, False), (resumed, True)):
        again.setup("fit")
        assert (names(again.train_dataloader()) == first) == same


def test_each_of_several_processes_has_its_share():
    torch.manual_seed(1)
    seen = []
    for rank in range(2):
        data = NumbersData(count=8)
        data.setup("fit")
        strategy = SimpleNamespace(broadcast=lambda seed: 5)
        loop = SimpleNamespace(epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=0)))
        data.trainer = SimpleNamespace(world_size=2, global_rank=rank, strategy=strategy, fit_loop=loop)
        seen.append(names(data.train_dataloader()))
        torch.manual_seed(rank + 7)  # a run without a seed has another one in each process
    assert sorted(seen[0] + seen[1]) == list("01234567")


def test_a_data_set_smaller_than_the_batch_is_not_dropped():
    data = NumbersData(count=3, batch_size=4)
    data.setup("fit")
    assert len(names(data.train_dataloader())) == 3


def test_evaluation_covers_everything_in_order():
    data = NumbersData(eval_batch_size=2)
    data.setup("validate")
    data.setup("test")
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert names(loader) == list("0123456")
        batch = next(iter(loader))
        assert batch["image"].shape == (2, 3, 4, 5)
        assert batch["mask"].dtype == torch.int64


def test_workers():
    data = NumbersData(num_workers=1)
    data.setup("validate")
    loader = data.val_dataloader()
    assert loader.persistent_workers
    assert names(loader) == list("0123456")


def test_transform_of_a_split():
    data = NumbersData(size=(2, 2))
    assert isinstance(data.transform("train"), TrainTransform)
    assert isinstance(data.transform("val"), EvalTransform)


@pytest.mark.parametrize(
    ("options", "train", "val"),
    [
        ({}, True, False),
        ({"batch_size": 1, "eval_batch_size": 2}, False, True),
        ({"size": (4, 4)}, False, False),
        ({"augmentation": Augmentation(crop=(4, 4))}, False, False),
    ],
)
def test_when_a_batch_needs_one_size(options, train, val):
    data = NumbersData(**options)
    assert data.one_size("train") == train
    assert data.one_size("val") == val


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected 1 or more"),
        ({"eval_batch_size": 0}, "eval_batch_size is 0; expected 1 or more"),
        ({"num_workers": -1}, "num_workers is -1; expected 0 or more"),
        ({"size": (0, 8)}, r"size is \[0, 8\]; expected \[height, width\]"),
    ],
)
def test_refused_options(options, message):
    with pytest.raises(InputError, match=message):
        NumbersData(**options)


def test_no_more_workers_than_cores():
    data = NumbersData(num_workers=10_000)
    data.setup("fit")
    assert data.train_dataloader().num_workers == os.cpu_count()
