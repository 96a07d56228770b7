"""What every data set gives to training and scoring: items of one shape, and the loaders of its splits."""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sized
from typing import Literal, TypeAlias, TypedDict, cast

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.transforms import (
    FLIP_ONLY,
    Augmentation,
    EvalTransform,
    Size,
    TrainTransform,
    check_size,
)
from feedbackward.errors import InputError

Split: TypeAlias = Literal["train", "val", "test"]
Scoring: TypeAlias = Literal["classes", "cityscapes"]

SPLITS: tuple[Split, ...] = ("train", "val", "test")
STAGE_SPLITS: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": (),
}

logger = logging.getLogger(__name__)


class Item(TypedDict, total=False):
    """One scene of a data set; a batch has the same keys with a leading dimension n (names become a list).

    Attributes:
        image: float32 (3, h, w) in [0, 1], red green blue, not normalized.
        mask: int64 (H, W), class indices with 255 for void. In training (H, W) is the image's (h, w); in
            evaluation it is the mask's own, full resolution. Absent only from images to predict.
        name: The file's stem, unique in its split.
        label_ids: uint8 (H, W), Cityscapes label ids; only in evaluation, and where scoring is "cityscapes".
        instance_ids: int32 (H, W), Cityscapes instance map; only beside label_ids.
    """

    image: Tensor
    mask: Tensor
    name: str
    label_ids: Tensor
    instance_ids: Tensor


class SegmentationDataModule(LightningDataModule, ABC):
    """A data set for Lightning, opened and checked before the first step.

    A subclass says which classes it has (`class_table`), how it is scored (`scoring`, "classes" unless
    overridden) and what a split holds (`dataset`). Both properties must be known before a split is opened.
    This class opens the splits that a stage needs and makes their loaders; `transform(split)` makes tensors
    of decoded pixels as `size` and `augmentation` say, and `one_size(split)` tells whether batching needs
    all images of the split in one size.

    Training shuffles from torch's seed and drops the last, smaller batch (batch norm wants more than a stray
    image), unless no batch would be left.

    Args:
        batch_size: Images in a training batch.
        eval_batch_size: Images in a validation or test batch; more than 1 needs masks of one size.
        num_workers: Processes that load images, no more than there are cores; 0 loads them in the main process.
        size: Height and width to which images are resized, and training masks with them; None keeps them.
        augmentation: Random changes of the training images.

    Raises:
        InputError: If a number is below its least value.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        eval_batch_size: int = 1,
        num_workers: int = 2,
        size: Size | None = None,
        augmentation: Augmentation = FLIP_ONLY,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("num_workers", num_workers, 0),
        ):
            if value < least:
                raise InputError(f"{name} is {value}; expected {least} or more")
        check_size("size", size)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.size = size
        self.augmentation = augmentation
        self._opened: dict[Split, Dataset[Item]] = {}

    @property
    @abstractmethod
    def class_table(self) -> ClassTable:
        """The classes of the masks."""

    @property
    def scoring(self) -> Scoring:
        """Which scores apply; "cityscapes" where evaluation items carry label_ids and instance_ids."""
        return "classes"

    @abstractmethod
    def dataset(self, split: Split) -> Dataset[Item]:
        """Open and check a split; the data set has a length and items as Item says.

        Raises:
            InputError: If the split is missing, empty, malformed or not annotated.
        """

    def transform(self, split: Split) -> TrainTransform | EvalTransform:
        """What makes an item's tensors of an image uint8 (H, W, 3) and a mask uint8 (H, W)."""
        return TrainTransform(self.size, self.augmentation) if split == "train" else EvalTransform(self.size)

    def one_size(self, split: Split) -> bool:
        """Whether the images and masks of a split must have one size to be put in a batch."""
        if split == "train":
            return self.batch_size > 1 and self.size is None and self.augmentation.crop is None
        return self.eval_batch_size > 1

    def setup(self, stage: str) -> None:
        """Open what the stage needs: "fit" train and val, "validate" val, "test" test."""
        for split in STAGE_SPLITS[stage]:
            if split not in self._opened:
                self._opened[split] = self.dataset(split)
                logger.info("%s: %d images", split, len(cast(Sized, self._opened[split])))

    def train_dataloader(self) -> DataLoader[Item]:
        """Shuffled training batches."""
        dataset = self._opened["train"]
        drop_last = len(cast(Sized, dataset)) >= self.batch_size
        return self._loader(dataset, batch_size=self.batch_size, shuffle=True, drop_last=drop_last)

    def val_dataloader(self) -> DataLoader[Item]:
        """Validation batches, in order."""
        return self._loader(self._opened["val"], batch_size=self.eval_batch_size)

    def test_dataloader(self) -> DataLoader[Item]:
        """Test batches, in order."""
        return self._loader(self._opened["test"], batch_size=self.eval_batch_size)

    def _loader(
        self, dataset: Dataset[Item], *, batch_size: int, shuffle: bool = False, drop_last: bool = False
    ) -> DataLoader[Item]:
        workers = min(self.num_workers, os.cpu_count() or 1)
        return DataLoader(
            dataset,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
