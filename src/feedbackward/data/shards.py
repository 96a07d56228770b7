"""Shards: images and masks in tar files, on disk or behind URLs, in WebDataset's convention."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Split
from feedbackward.data.class_file import CLASS_FILES, own_class_file, read_class_file
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.folder import refuse_black_and_white
from feedbackward.data.listing import warn_left_out
from feedbackward.data.pairs import Pair, PairDataset, check_pairs, match
from feedbackward.data.remembered import recall, remember
from feedbackward.data.shard_files import Shard, read_shards
from feedbackward.data.tars import find_tars, is_url
from feedbackward.errors import InputError

HINT = "Expected KEY.jpg (or .png) with KEY.mask.png or KEY.seg.png, saved as PNG, because JPEG changes the values"


class ShardsData(SegmentationDataModule):
    """Images and masks in tar files, with a file that names the classes.

    A split is given as a path or URL of tars, or a list of them, in which {000..009} stands for these numbers; paths
    may be globs. In each tar a sample is KEY.jpg (or another image) with KEY.mask.png or KEY.seg.png.

    The headers of a tar are read once, and all its images and masks are checked once; both is remembered in the user's
    cache folder until the tar changes. From then on any sample is read by its place in the tar, so that order,
    augmentation and resuming are those of a folder with the same files.

    Args:
        train: The training tars.
        val: The validation tars.
        test: The test tars.
        classes: The class file, if it is not classes.yaml, classes.yml or classes.json beside the first tar.
        batch_size: Images in a training batch.
        options: The other options of SegmentationDataModule.
    """

    def __init__(
        self,
        *,
        train: str | list[str] | None = None,
        val: str | list[str] | None = None,
        test: str | list[str] | None = None,
        classes: str | Path | None = None,
        batch_size: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **options)
        self._patterns = {"train": _listed(train), "val": _listed(val), "test": _listed(test)}
        self.classes = None if classes is None else Path(classes).expanduser()

    @property
    def class_table(self) -> ClassTable:
        """The classes of the class file.

        Raises:
            InputError: If the class file is missing or malformed, or its classes overlap.
        """
        return self._classes.table

    @cached_property
    def _classes(self) -> MaskClasses:
        file = self.classes or self._find_class_file()
        classes = read_class_file(file)
        if classes.table.overlapping:
            raise InputError(
                f"{file}: the classes overlap (masks: layers), and shards have one mask for each image; use a folder: "
                f"--data folder"
            )
        return classes

    def _find_class_file(self) -> Path:
        given = [pattern for patterns in self._patterns.values() for pattern in patterns]
        tars = [tar for tar in find_tars(given) if not is_url(tar)]
        file = own_class_file(Path(tars[0]).parent) if tars else None
        if file is None:
            raise InputError(
                f"no class file; set data.classes to one that names the classes, for example 'classes: [background, "
                f"car]' (beside tars on this machine it is found by its name, {' or '.join(CLASS_FILES)})"
            )
        return file

    def dataset(self, split: Split) -> PairDataset:
        """Open and check a split; samples are sorted by their keys, so that it does not matter how they are divided.

        Raises:
            InputError: If a tar or a sample is missing, damaged or malformed; the message names it.
        """
        patterns = self._patterns[split]
        if not patterns:
            raise InputError(
                f"data.{split} is not set; give the shards of this split, such as --data.{split} "
                f"'shards/{split}-{{000..009}}.tar'"
            )
        encoding = self._classes.encoding
        found = read_shards(patterns)
        warn_left_out(", ".join(patterns), found.left_out)
        matched = [match(shard.images, shard.masks, where=str(shard.tar), hint=HINT) for shard in found.shards]
        pairs = sorted((pair for of_tar in matched for pair in of_tar), key=lambda pair: pair.name)
        self._check(pairs, found.shards, split)
        return PairDataset(pairs, encoding, self.transform(split), self.prepared)

    def _check(self, pairs: Sequence[Pair], shards: Sequence[Shard], split: Split) -> None:
        """Check all images and masks, unless the same tars have passed before."""
        classes, reading, one_size = self._classes, self.preprocessing, self.one_size(split)
        options = (
            f"{classes.encoding.digest} {classes.ignores_white} {reading.channels} {reading.value_range} {one_size}"
        )
        about = "checked", options, *(shard.tar.state for shard in shards)
        if recall(*about):
            return
        check_pairs(pairs, classes.encoding, preprocessing=reading, one_size=one_size)
        if classes.ignores_white:
            refuse_black_and_white(pairs, where=", ".join(self._patterns[split]))
        remember(True, *about)


def _listed(patterns: str | list[str] | None) -> list[str]:
    return [patterns] if isinstance(patterns, str) else patterns or []
