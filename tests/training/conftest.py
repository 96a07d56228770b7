"""A task that is learned in seconds: classify the color of stripes."""

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.decoder_config import DecoderConfig
from feedbackward.training.task import SegmentationTask

TABLE = ClassTable(("red", "green", "blue"), ((200, 0, 0), (0, 200, 0), (0, 0, 200)))


class Stripes(Dataset):
    """Noisy images (3, 16, 24) of three colors; in evaluation the masks are twice as large, with a void row."""

    def __init__(self, length, *, seed, scale, cityscapes=False):
        generator = torch.Generator().manual_seed(seed)
        self.items = []
        for index in range(length):
            coarse = torch.randint(3, (1, 4), generator=generator)
            mask = coarse.repeat_interleave(6, dim=1).repeat_interleave(16, dim=0)
            image = torch.eye(3)[mask].permute(2, 0, 1) * 0.8 + 0.2 * torch.rand(3, 16, 24, generator=generator)
            mask = mask.repeat_interleave(scale, dim=0).repeat_interleave(scale, dim=1)
            label_ids = (mask + 24).to(torch.uint8)  # person, rider, car
            instance_ids = label_ids.to(torch.int32) * 1000
            mask[0] = 255
            label_ids[0] = 0
            instance_ids[0] = 0
            item = {"image": image, "mask": mask, "name": f"scene_{index}"}
            if cityscapes:
                train_ids = torch.where(mask == 255, 255, mask + 11)
                item |= {"mask": train_ids, "label_ids": label_ids, "instance_ids": instance_ids}
            self.items.append(item)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class StripesData(SegmentationDataModule):
    def __init__(self, *, batch_size=4, eval_batch_size=2):
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, num_workers=0)

    @property
    def class_table(self):
        return TABLE

    def dataset(self, split):
        sizes = {"train": 8, "val": 3, "test": 2}
        return Stripes(sizes[split], seed=len(split), scale=1 if split == "train" else 2)


@pytest.fixture
def table():
    return TABLE


@pytest.fixture
def stripes():
    return StripesData()


@pytest.fixture
def cityscapes_batch():
    """Two scenes as a batch of the Cityscapes evaluation."""
    dataset = Stripes(2, seed=0, scale=2, cityscapes=True)
    return torch.utils.data.default_collate([dataset[0], dataset[1]])


@pytest.fixture
def make_task():
    """A small task over the stripes; keyword arguments are the task's."""

    def _make(**options):
        torch.manual_seed(0)
        defaults = {
            "name": "test_resnet",
            "decoder": DecoderConfig(output_stride=2),
            "optimizer": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
            "class_table": TABLE,
        }
        return SegmentationTask(**{**defaults, **options})

    return _make


@pytest.fixture
def make_trainer(tmp_path):
    """A quiet trainer; keyword arguments are the trainer's."""

    def _make(**options):
        defaults = {
            "accelerator": "cpu",
            "max_epochs": 2,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": tmp_path,
        }
        return Trainer(**{**defaults, **options})

    return _make


RECIPE = """
model:
  name: test_resnet
  decoder: {output_stride: 2}
  encoder_weights: null
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
data:
  class_path: feedbackward.data.camvid.CamVidData
  init_args: {batch_size: 2, num_workers: 0}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Arguments of `feedbackward fit` for a training of two epochs of two batches, but for its run folder."""
    root, rng = tmp_path_factory.mktemp("scenes"), np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            mask = rng.integers(0, 3, (1, 4), dtype=np.uint8).repeat(6, axis=1).repeat(16, axis=0)
            for folder, array in ((split, np.eye(3, dtype=np.uint8)[mask] * 200), (f"{split}annot", mask)):
                (root / folder).mkdir(exist_ok=True)
                Image.fromarray(array).save(root / folder / f"{split}_{number}.png")
    (root / "recipe.yaml").write_text(RECIPE)
    return ["--config", str(root / "recipe.yaml"), "--data.root", str(root)]
