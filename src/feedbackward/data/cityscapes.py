"""Cityscapes in its official folder layout: leftImg8bit, gtFine and, if wanted, gtCoarse.

Source: Cordts et al. (2016), "The Cityscapes dataset for semantic urban scene understanding".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch.utils.data import DataLoader, Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABELS
from feedbackward.data.datamodule import Item, Scoring, SegmentationDataModule, Split
from feedbackward.data.encodings import IndexEncoding
from feedbackward.data.files import list_files, read_image, read_instance_ids, read_mask
from feedbackward.data.instances import check_instances, find_instances
from feedbackward.data.pairs import ImageDataset, Pair, PairDataset, check_pairs, match
from feedbackward.data.transforms import FLIP_ONLY, VOID, Augmentation, EvalTransform, Size
from feedbackward.errors import InputError

Annotations = Literal["fine", "coarse", "fine+coarse"]

# The parts of a training set: annotation folder and its split, which is the split under leftImg8bit too.
_TRAINING_SETS: dict[Annotations, tuple[tuple[str, str], ...]] = {
    "fine": (("gtFine", "train"),),
    "coarse": (("gtCoarse", "train"), ("gtCoarse", "train_extra")),
    "fine+coarse": (("gtFine", "train"), ("gtCoarse", "train_extra")),
}

_ARCHIVES = {"gtFine": "gtFine_trainvaltest.zip", "gtCoarse": "gtCoarse.zip"}

_ENCODING = IndexEncoding(
    {label.id: label.train_id for label in LABELS},
    hint="Files named labelIds hold label ids; 255 comes from train ids (labelTrainIds), which are not read",
)


class CityscapesData(SegmentationDataModule):
    """Cityscapes: label ids become train ids as they are read, instance maps come along for the scores.

    The official layout, as the archives unpack side by side in one folder:

        ROOT/leftImg8bit/SPLIT/CITY/CITY_SEQ_FRAME_leftImg8bit.png
        ROOT/gtFine/SPLIT/CITY/CITY_SEQ_FRAME_gtFine_labelIds.png and ..._instanceIds.png
        ROOT/gtCoarse/{train,train_extra}/CITY/CITY_SEQ_FRAME_gtCoarse_labelIds.png     (optional)

    The defaults are the paper's: fine annotations, input decimated to 512x1024, batches of 2, flips. Scores
    are taken at the annotation's own size, 1024x2048. The annotations of the test split are withheld, so that
    it can be predicted (predict_dataloader) but not scored.

    Args:
        root: The folder that holds leftImg8bit and gtFine.
        train_annotations: "fine" (2975 images), "coarse" (those and the 19998 of train_extra, all with coarse
            annotations) or "fine+coarse" (2975 fine, 19998 coarse).
        batch_size: Images in a training batch.
        eval_batch_size: Images in a validation batch.
        num_workers: Processes that load images; 0 loads them in the main process.
        size: Height and width to which images are resized, and training masks with them; None keeps them.
        augmentation: Random changes of the training images.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        train_annotations: Annotations = "fine",
        batch_size: int = 2,
        eval_batch_size: int = 1,
        num_workers: int = 2,
        size: Size | None = (512, 1024),
        augmentation: Augmentation = FLIP_ONLY,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            num_workers=num_workers,
            size=size,
            augmentation=augmentation,
        )
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
            InputError: If a folder or file is missing, damaged or malformed, the message names it; or if the
                split has no annotations.
        """
        if split == "train":
            sources = _TRAINING_SETS[self.train_annotations]
            pairs = [pair for kind, folder in sources for pair in find_pairs(self.root, folder, kind)]
            check_pairs(pairs, _ENCODING, one_size=self.one_size(split))
            return PairDataset(pairs, _ENCODING, self.transform(split))
        pairs = find_pairs(self.root, split, "gtFine")
        if split == "test":
            _refuse_withheld(pairs)
        instances = find_instances(pairs)
        check_pairs(pairs, _ENCODING, one_size=self.one_size(split))
        check_instances(pairs, instances)
        return CityscapesDataset(pairs, instances, EvalTransform(self.size))

    def predict_dataloader(self) -> DataLoader[Item]:
        """The test images alone, without masks."""
        images = find_files(self.root, "leftImg8bit", "test", "_leftImg8bit")
        return self._loader(ImageDataset(images, EvalTransform(self.size)), batch_size=1)


class CityscapesDataset(Dataset[Item]):
    """A split for evaluation, read when asked for: decimated images, full-resolution annotations.

    Args:
        pairs: Images and label-id masks, checked.
        instances: The instance map of each pair.
        transform: What makes tensors of the pixels.
    """

    def __init__(self, pairs: Sequence[Pair], instances: Sequence[Path], transform: EvalTransform) -> None:
        self.pairs = pairs
        self._instances = instances
        self._transform = transform

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Item:
        pair = self.pairs[index]
        label_ids = read_mask(pair.mask)
        image, mask = self._transform(read_image(pair.image), _ENCODING.encode(label_ids, pair.mask))
        return {
            "name": pair.name,
            "image": image,
            "mask": mask,
            "label_ids": torch.from_numpy(label_ids),
            "instance_ids": torch.from_numpy(read_instance_ids(self._instances[index])),
        }


def find_pairs(root: Path, split: str, annotations: str) -> list[Pair]:
    """Images and label-id masks of a split; annotations is gtFine or gtCoarse.

    Raises:
        InputError: If a folder, an image or a mask is missing; lists up to ten of a kind.
    """
    images = find_files(root, "leftImg8bit", split, "_leftImg8bit")
    masks = find_files(root, annotations, split, f"_{annotations}_labelIds")
    where = f"{root / 'leftImg8bit' / split} and {root / annotations / split}"
    return match(images, masks, where=where, hint=_hint(root, annotations, split))


def find_files(root: Path, folder: str, split: str, ending: str) -> dict[str, Path]:
    """The files of a split's city folders by CITY_SEQ_FRAME.

    Raises:
        InputError: If the folder is missing, or two files have one name.
    """
    parent = root / folder / split
    if not parent.is_dir():
        raise InputError(f"no folder {parent}. {_hint(root, folder, split)}")
    found: dict[str, Path] = {}
    for city in sorted(path for path in parent.iterdir() if path.is_dir()):
        for name, path in list_files(city, (".png",), ending=ending).items():
            if name in found:
                raise InputError(f"{found[name]} and {path} have one name; remove one of them")
            found[name] = path
    return found


def _hint(root: Path, folder: str, split: str) -> str:
    """What to download, and where the root seems to be if it is not here."""
    candidates = [root.parent, *sorted(path for path in root.glob("*") if path.is_dir())]
    for candidate in candidates:
        if not (root / "leftImg8bit").is_dir() and (candidate / "leftImg8bit").is_dir():
            return f"leftImg8bit is in {candidate}: set data.root to it"
    annotations = "gtCoarse" if folder == "gtCoarse" or split == "train_extra" else "gtFine"
    images = "leftImg8bit_trainextra.zip" if split == "train_extra" else "leftImg8bit_trainvaltest.zip"
    return (
        f"Unpack {images} and {_ARCHIVES[annotations]} (cityscapes-dataset.com, Download) in one folder and "
        f"set data.root to it, so that it holds leftImg8bit/{split}/CITY and {annotations}/{split}/CITY"
    )


def _refuse_withheld(pairs: Sequence[Pair]) -> None:
    if all((_ENCODING.read(pair.mask) == VOID).all() for pair in pairs):
        raise InputError(
            f"the annotations in {pairs[0].mask.parents[1]} are dummies without any class: Cityscapes "
            f"withholds those of its test split. Score on val, or predict the test images and submit them"
        )
