"""The synthetic street scenes as a Lightning datamodule."""

from typing import Any

import numpy as np

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Size, Split
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.data.prepared import PreparedFolder
from feedbackward.data.sources import Scoring
from feedbackward.errors import InputError
from feedbackward.preprocessing import holds_all
from feedbackward.streets.dataset import Streets
from feedbackward.streets.seeds import check_seed


class StreetsData(SegmentationDataModule):
    """Synthetic street scenes, drawn on the fly, with the classes and scores of Cityscapes; nothing is downloaded.

    18 of the 19 classes occur; there are no trains.

    Args:
        seed: Seed of the scenes, 0 or more.
        train_scenes: Number of training scenes.
        val_scenes: Number of validation scenes.
        test_scenes: Number of test scenes.
        size: Height and width of the scenes, images and masks alike.
        batch_size: Images in a training batch.
        eval_batch_size: Images in a validation or test batch.
        options: The other options of SegmentationDataModule.

    Raises:
        InputError: If a number is out of range.
    """

    size: Size

    def __init__(
        self,
        *,
        seed: int = 0,
        train_scenes: int = 1000,
        val_scenes: int = 100,
        test_scenes: int = 100,
        size: Size = (256, 512),
        batch_size: int = 8,
        eval_batch_size: int = 8,
        **options: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, size=size, **options)
        if isinstance(self.prepared, PreparedFolder):
            raise InputError(f"cache is {self.prepared.folder}; these scenes are drawn, not read from files: omit it")
        if not holds_all(value_range := self.preprocessing.value_range, np.dtype(np.uint8)):
            raise InputError(f"value_range is {list(value_range or ())}; these scenes have 8 bits: omit it")
        self.size = size
        check_seed(seed)
        self.seed = seed
        self.scenes: dict[Split, int] = {"train": train_scenes, "val": val_scenes, "test": test_scenes}
        for split, scenes in self.scenes.items():
            if scenes < 1:
                raise InputError(f"{split}_scenes is {scenes}; expected 1 or more")

    @property
    def class_table(self) -> ClassTable:
        """The 19 evaluated classes of Cityscapes."""
        return CITYSCAPES

    @property
    def scoring(self) -> Scoring:
        """The scores of Cityscapes."""
        return "cityscapes"

    def dataset(self, split: Split) -> Streets:
        """The scenes of a split."""
        return Streets(
            split, scenes=self.scenes[split], seed=self.seed, size=self.size, transform=self.transform(split)
        )
