"""The base of all datamodules: items of one form, and the loaders of the splits."""

import logging
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sized
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, cast

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Size, Split
from feedbackward.data.augmentation import RECOMMENDED, Augmentation, check_augmentation
from feedbackward.data.batch_share import BatchShare
from feedbackward.data.prepared import NOT_STORED, Prepared, PreparedFolder
from feedbackward.data.sampler import EpochSampler, SeededItems
from feedbackward.data.sources import Scoring
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.data.worker_signals import outlive_signals
from feedbackward.errors import InputError
from feedbackward.preprocessing import Channels, Preprocessing, Range, Resize

STAGE_SPLITS: dict[str, tuple[Split, ...]] = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "test": ("test",),
    "predict": (),
}

logger = logging.getLogger(__name__)


class Item(TypedDict, total=False):
    """One image of a data set; a batch has the same keys with a leading dimension n (names become a list).

    Attributes:
        image: float32 (C, h, w) in [0, 1], resized, not normalized.
        mask: int64 (H, W), class indices and the class table's ignore_index for void. In training (H, W) is the
            image's (h, w); in evaluation it is the mask's own, full resolution. Absent only in images to predict. If
            classes overlap, it is (classes, H, W): 0, 1 where the class is present, and ignore_index.
        name: The file's stem, unique in its split.
        label_ids: uint8 (H, W), Cityscapes label ids; only in evaluation, if scoring is "cityscapes".
        instance_ids: int32 (H, W), Cityscapes instance map; only together with label_ids.
    """

    image: Tensor
    mask: Tensor
    name: str
    label_ids: Tensor
    instance_ids: Tensor


class SegmentationDataModule(LightningDataModule, ABC):
    """A data set for Lightning, opened and checked before the first step.

    A subclass defines the classes (`class_table`), how the data set is scored (`scoring`, "classes" by default) and
    the content of a split (`dataset`). Both properties must be known before a split is opened. This class opens the
    splits that a stage needs and makes their loaders; `transform(split)` converts decoded pixels into tensors as
    `preprocessing` and `augmentation` specify, and `one_size(split)` tells whether batching needs all images of the
    split to have the same size.

    How images are read and resized (`preprocessing`) is saved with the trained network, and applied by everything that
    uses it.

    The order of a training and its augmentation depend on the seed (torch's when the training starts, then the
    checkpoint's), the epoch and the image only, for any number of workers and processes; a training that is resumed
    within an epoch goes on after its last batch. The last, smaller batch is dropped (a batch norm needs more than one
    image), unless it is the only one.

    Args:
        batch_size: Images in a training batch.
        eval_batch_size: Images in a validation or test batch; more than 1 needs masks of the same size.
        num_workers: Processes that load images, at most one per core; 0 loads them in the main process.
        size: Height and width to which images are resized, and training masks with them; masks are scored at their own
            size. Instead of it one of the next three, or none to keep the images.
        scale: Factor by which images are resized.
        longest_side: Length of the longer side to which images are resized.
        shortest_side: Length of the shorter side to which images are resized.
        channels: Channels of the images and their order: "RGB", "BGR", "gray" or a number of bands.
        value_range: Pixel values that become 0 and 1, such as [0, 4095]; by default the range of the image's bits.
        augmentation: Random changes of the training images, by default flips and scales of 0.75 to 1.5.
        cache: Folder in which decoded and resized images and masks are stored, so that they are not decoded again in
            each epoch and training; by default they are.
        cache_gb: The largest size of that folder in GB; what does not fit is decoded each time.

    Attributes:
        preprocessing: How images are read and resized, without normalization.
        prepared: Where decoded images and masks come from: the files, or the folder `cache`.

    Raises:
        InputError: If a number is below its minimum, several sizes are given, or an augmentation does not apply.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        eval_batch_size: int = 1,
        num_workers: int = 2,
        size: Size | None = None,
        scale: float | None = None,
        longest_side: int | None = None,
        shortest_side: int | None = None,
        channels: Channels = "RGB",
        value_range: Range | None = None,
        augmentation: Augmentation = RECOMMENDED,
        cache: str | Path | None = None,
        cache_gb: float = 20,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("num_workers", num_workers, 0),
        ):
            if not (isinstance(value, int) and least <= value < 1 << 31):
                raise InputError(f"{name} is {value}; expected {least} or more")
        if not 0 < cache_gb < math.inf:
            raise InputError(f"cache_gb is {cache_gb}; expected a size in GB, above 0")
        resize = Resize(size=size, scale=scale, longest_side=longest_side, shortest_side=shortest_side)
        self.preprocessing = replace(Preprocessing.identity(channels), value_range=value_range, resize=resize)
        check_augmentation(augmentation, self.preprocessing, workers=num_workers)
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.num_workers = num_workers
        self.augmentation = augmentation
        self.prepared: Prepared = NOT_STORED
        if cache is not None:
            self.prepared = PreparedFolder(Path(cache).expanduser(), limit=int(cache_gb * 1e9))
        self._training_seed: int | None = None
        self._sampler: EpochSampler | None = None
        self._resumed_epochs = self._resumed_images = 0
        self._opened: dict[Split, Dataset[Item]] = {}

    @property
    @abstractmethod
    def class_table(self) -> ClassTable:
        """The classes of the masks."""

    @property
    def scoring(self) -> Scoring:
        """Which scores apply; "cityscapes" if evaluation items have label_ids and instance_ids."""
        return "classes"

    @abstractmethod
    def dataset(self, split: Split) -> Dataset[Item]:
        """Open and check a split; the data set has a length and items as described by Item.

        Raises:
            InputError: If the split is missing, empty, malformed or not annotated.
        """

    def transform(self, split: Split) -> TrainTransform | EvalTransform:
        """Converts an image (H, W, C) and a mask (H, W) into the tensors of an item."""
        if split != "train":
            return EvalTransform(self.preprocessing)
        return TrainTransform(
            self.preprocessing,
            self.augmentation,
            void=self.class_table.ignore_index,
            reduce=isinstance(self.prepared, PreparedFolder),
        )

    def one_size(self, split: Split) -> bool:
        """Whether the images and masks of a split must have the same size to fit in a batch."""
        if split == "train":
            return self.batch_size > 1 and self.preprocessing.resize.size is None and self.augmentation.crop is None
        return self.eval_batch_size > 1

    def setup(self, stage: str) -> None:
        """Open the splits of the stage: train and val for "fit", val for "validate", test for "test"."""
        self.prepared.check()
        for split in STAGE_SPLITS[stage]:
            if split not in self._opened:
                self._opened[split] = self.dataset(split)
                logger.info("%s: %d images", split, len(cast(Sized, self._opened[split])))

    @property
    def training_set(self) -> Dataset[Item]:
        """The split train, once `setup` has opened it."""
        return self._opened["train"]

    def train_dataloader(self) -> DataLoader[Item]:
        """Shuffled training batches; of several processes each has its share.

        Without a trainer each iteration over the loader is the next epoch, and so is that over a new loader.
        """
        trainer = self.trainer
        if self._training_seed is None:
            seed = torch.initial_seed()
            self._training_seed = seed if trainer is None else trainer.strategy.broadcast(seed)
        dataset = SeededItems(self._opened["train"], seed=self._training_seed)
        processes, rank = (1, 0) if trainer is None else (trainer.world_size, trainer.global_rank)
        # Workers load the first batches before Lightning sets the epoch, and even before it restores its own counts.
        iterated = 0 if self._sampler is None or trainer is not None else self._sampler.epoch
        epoch = max(iterated, self._finished_epochs, self._resumed_epochs)
        done = self.whole_batches(self._resumed_images, processes) * self.batch_size
        sampler = EpochSampler(
            dataset, seed=self._training_seed, processes=processes, rank=rank, epoch=epoch, done=done
        )
        self._resumed_epochs = self._resumed_images = 0
        self._sampler = sampler
        drop_last = len(sampler) >= self.batch_size
        return self._loader(dataset, batch_size=self.batch_size, sampler=sampler, drop_last=drop_last)

    def training_batches(self, processes: int) -> int:
        """The number of training batches of an epoch, in each of several processes."""
        share = -(-len(cast(Sized, self.training_set)) // processes)
        return max(1, share // self.batch_size)

    @property
    def _finished_epochs(self) -> int:
        if self.trainer is None:
            return 0
        progress: Any = self.trainer.fit_loop.epoch_progress.current  # what Lightning passes to set_epoch
        return int(progress.processed)

    def whole_batches(self, images: int, processes: int) -> int:
        """The number of full training batches of so many images, in each of several processes."""
        return images // (self.batch_size * processes)

    @property
    def _images_in_epoch(self) -> int:
        """The number of images that all processes have seen in an epoch that has not finished."""
        trainer = self.trainer
        if trainer is None or trainer.fit_loop.epoch_progress.current.ready == self._finished_epochs:
            return 0
        batches: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        return int(batches.processed) * self.batch_size * trainer.world_size

    def state_dict(self) -> dict[str, Any]:
        """The seed of the training, its finished epochs and the images of an unfinished one, for checkpoints."""
        return {"seed": self._training_seed, "epochs": self._finished_epochs, "images": self._images_in_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue a training with its seed, after its last batch."""
        self._training_seed, self._resumed_epochs = state_dict["seed"], state_dict["epochs"]
        self._resumed_images = state_dict["images"]

    def val_dataloader(self) -> DataLoader[Item]:
        """Validation batches, in order; of several processes each has its share."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Item]:
        """Test batches, in order; of several processes each has its share."""
        return self._evaluation_loader("test")

    def _evaluation_loader(self, split: Split) -> DataLoader[Item]:
        dataset, size, trainer, sampler = self._opened[split], self.eval_batch_size, self.trainer, None
        if trainer is not None and trainer.world_size > 1:
            sampler = BatchShare(dataset, batch_size=size, processes=trainer.world_size, rank=trainer.global_rank)
        return self._loader(dataset, batch_size=size, sampler=sampler)

    def _loader(
        self,
        dataset: Dataset[Item],
        *,
        batch_size: int,
        sampler: DistributedSampler[Any] | None = None,
        drop_last: bool = False,
    ) -> DataLoader[Item]:
        workers = min(self.num_workers, os.cpu_count() or 1)
        return DataLoader(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=outlive_signals,
            generator=torch.Generator(),  # for the seeds of the workers: torch's own belongs to the network
        )
