"""Cityscapes in its official folder layout: leftImg8bit, gtFine and optionally gtCoarse.

Source: Cordts et al. (2016), "The Cityscapes dataset for semantic urban scene understanding".
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader, Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Size, Split
from feedbackward.data.cityscapes_files import (
    check_instances,
    find_files,
    find_instances,
    find_pairs,
    refuse_withheld,
)
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABEL_ID_ENCODING
from feedbackward.data.datamodule import Item, SegmentationDataModule
from feedbackward.data.files import read_image
from feedbackward.data.masks import read_instance_ids, read_mask
from feedbackward.data.pairs import ImageDataset, Pair, PairDataset, check_pairs
from feedbackward.data.prepared import NOT_STORED, Arrays, Prepared
from feedbackward.data.sources import Scoring
from feedbackward.data.transforms import EvalTransform

Annotations = Literal["fine", "coarse", "fine+coarse"]

# The parts of a training set: annotation folder and its split, which is the split under leftImg8bit too.
_TRAINING_SETS: dict[Annotations, tuple[tuple[str, str], ...]] = {
    "fine": (("gtFine", "train"),),
    "coarse": (("gtCoarse", "train"), ("gtCoarse", "train_extra")),
    "fine+coarse": (("gtFine", "train"), ("gtCoarse", "train_extra")),
}


class CityscapesData(SegmentationDataModule):
    """Cityscapes, with label ids decoded into train ids, and instance maps for the scores.

    The official layout, with all archives unpacked in one folder:

        ROOT/leftImg8bit/SPLIT/CITY/CITY_SEQ_FRAME_leftImg8bit.png
        ROOT/gtFine/SPLIT/CITY/CITY_SEQ_FRAME_gtFine_labelIds.png and ..._instanceIds.png
        ROOT/gtCoarse/{train,train_extra}/CITY/CITY_SEQ_FRAME_gtCoarse_labelIds.png     (optional)

    The defaults are the paper's: fine annotations, input decimated to 512x1024, batches of 2, flips. Annotations
    are scored at their own size, 1024x2048. The annotations of the test split are withheld: it can be predicted
    (predict_dataloader) but not scored.

    Args:
        root: Folder that contains leftImg8bit and gtFine.
        train_annotations: "fine" (2975 images), "coarse" (those and the 19998 of train_extra, all with coarse
            annotations) or "fine+coarse" (2975 fine, 19998 coarse).
        batch_size: Images in a training batch.
        size: Height and width to which images are resized, and training masks with them; None keeps them.
        options: The other options of SegmentationDataModule.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        train_annotations: Annotations = "fine",
        batch_size: int = 2,
        size: Size | None = (512, 1024),
        **options: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, size=size, **options)
        self.root = Path(root).expanduser()
        self.train_annotations = train_annotations

    @property
    def class_table(self) -> ClassTable:
        """The 19 evaluated classes."""
        return CITYSCAPES

    @property
    def scoring(self) -> Scoring:
        """Cityscapes' four scores."""
        return "cityscapes"

    def dataset(self, split: Split) -> Dataset[Item]:
        """Open and check a split; validation and test items carry label_ids and instance_ids.

        Raises:
            InputError: If a folder or file is missing, damaged or malformed (the message names it), or the split
                has no annotations.
        """
        if split == "train":
            sources = _TRAINING_SETS[self.train_annotations]
            pairs = [pair for kind, folder in sources for pair in find_pairs(self.root, folder, kind)]
            check_pairs(pairs, LABEL_ID_ENCODING, preprocessing=self.preprocessing, one_size=self.one_size(split))
            return PairDataset(pairs, LABEL_ID_ENCODING, self.transform(split), self.prepared)
        pairs = find_pairs(self.root, split, "gtFine")
        if split == "test":
            refuse_withheld(pairs)
        instances = find_instances(pairs)
        check_pairs(pairs, LABEL_ID_ENCODING, preprocessing=self.preprocessing, one_size=self.one_size(split))
        check_instances(pairs, instances)
        return CityscapesDataset(pairs, instances, EvalTransform(self.preprocessing), self.prepared)

    def predict_dataloader(self) -> DataLoader[Item]:
        """The test images, without masks."""
        images = find_files(self.root, "leftImg8bit", "test", "_leftImg8bit")
        return self._loader(ImageDataset(images, EvalTransform(self.preprocessing)), batch_size=1)


class CityscapesDataset(Dataset[Item]):
    """A split for evaluation: decimated images, full-resolution annotations, read on access.

    Args:
        pairs: Images and label images, checked.
        instances: The instance map of each pair.
        transform: Converts the pixels into tensors.
        prepared: Where the images and annotations come from.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        instances: Sequence[Path],
        transform: EvalTransform,
        prepared: Prepared = NOT_STORED,
    ) -> None:
        self.pairs = pairs
        self._instances = instances
        self._transform = transform
        self._prepared = prepared
        self._recipe = f"{transform.preparation} cityscapes"

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Item:
        pair = self.pairs[index]
        files = pair.image, pair.mask, self._instances[index]
        arrays = self._prepared.load(files, self._recipe, partial(self._prepare, index))
        label_ids = arrays["label_ids"]
        image, mask = self._transform.finish(arrays["image"], LABEL_ID_ENCODING.encode(label_ids, pair.mask))
        return {
            "name": pair.name,
            "image": image,
            "mask": mask,
            "label_ids": torch.from_numpy(label_ids),
            "instance_ids": torch.from_numpy(arrays["instance_ids"]),
        }

    def _prepare(self, index: int) -> Arrays:
        pair = self.pairs[index]
        pixels = read_image(pair.image, self._transform.preprocessing.channels)
        return {
            "image": self._transform.resized(pixels),
            "label_ids": read_mask(pair.mask),
            "instance_ids": read_instance_ids(self._instances[index]),
        }
