"""Any folder of images and masks: ROOT/images/SPLIT, ROOT/masks/SPLIT and ROOT/classes.yaml."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Split
from feedbackward.data.class_file import CLASS_FILES, load_class_file, own_class_file, read_class_file
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.layers import layer_folders
from feedbackward.data.listing import list_files
from feedbackward.data.masks import read_mask
from feedbackward.data.pairs import Pair, PairDataset, check_pairs, match
from feedbackward.errors import InputError, listed


class FolderData(SegmentationDataModule):
    """Images and masks in folders, with a file that names the classes.

    The layout, with the splits train, val and test, and each mask named like its image:

        ROOT/classes.yaml               (or .json)
        ROOT/images/train/NAME.jpg      (or .png)
        ROOT/masks/train/NAME.png       (with mask_suffix NAME_mask.png, for example)

    The class file lists the classes and their encoding: `classes: [background, car]` suffices for masks with the
    values 0 and 1, and 255 for void pixels. See read_class_file for values, colors and ignored pixels. With
    `masks: layers` classes overlap, and each has a mask of its own for every image, ROOT/masks/train/CLASS/NAME.png.

    Args:
        root: Folder that contains images, masks and the class file.
        classes: The class file, if it is not ROOT/classes.yaml, classes.yml or classes.json.
        mask_suffix: What follows the image's NAME in the names of masks, such as _mask for NAME_mask.png.
        batch_size: Images in a training batch.
        options: The other options of SegmentationDataModule.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        classes: str | Path | None = None,
        mask_suffix: str = "",
        batch_size: int = 4,
        **options: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **options)
        self.root = Path(root).expanduser()
        self.classes = None if classes is None else Path(classes).expanduser()
        self.mask_suffix = mask_suffix

    @property
    def class_table(self) -> ClassTable:
        """The classes of the class file.

        Raises:
            InputError: If the class file is missing or malformed.
        """
        return self._classes.table

    @cached_property
    def _classes(self) -> MaskClasses:
        return read_class_file(self.classes or find_class_file(self.root))

    def dataset(self, split: Split) -> PairDataset:
        """Open and check a split.

        Raises:
            InputError: If a folder or file is missing, damaged or malformed; the message names it.
        """
        images, masks = self.root / "images" / split, self.root / "masks" / split
        table = self._classes.table
        hint = (
            f"Expected {images}/NAME.jpg (or .png) with {masks}/{'CLASS/' if table.overlapping else ''}NAME"
            f"{self.mask_suffix}.png: each mask named like its image"
            f"{f' with {self.mask_suffix} after it' if self.mask_suffix else ''}, and saved as PNG, because JPEG "
            f"changes the values"
        )
        if not images.is_dir():
            raise InputError(f"no folder {images}. {hint}")
        folders = layer_folders(masks, table.names, hint=hint) if table.overlapping else [masks]
        matched = [self._match(images, folder, hint) for folder in folders]
        _check_names(matched)
        pairs = matched[0]
        check_pairs(pairs, self._classes.encoding, preprocessing=self.preprocessing, one_size=self.one_size(split))
        if self._classes.ignores_white:
            refuse_black_and_white(pairs, where=masks)
        return PairDataset(pairs, self._classes.encoding, self.transform(split), self.prepared)

    def _match(self, images: Path, masks: Path, hint: str) -> list[Pair]:
        """The images with the masks in a folder."""
        if not masks.is_dir():
            raise InputError(f"no folder {masks}. {hint}")
        image_files = list_files(images, IMAGE_SUFFIXES)
        mask_files = list_files(masks, IMAGE_SUFFIXES)
        if (suffix := find_suffix(image_files, mask_files)) and not self.mask_suffix:
            hint = f"The names of all masks end with {suffix}: set data.mask_suffix to {suffix}"
        named = _without_suffix(mask_files, self.mask_suffix, hint)
        return match(image_files, named, where=f"{images} and {masks}", hint=hint)


def find_class_file(root: Path) -> Path:
    """The class file in a folder.

    Raises:
        InputError: If the folder or the file is missing.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}; set data.root to the folder that contains images, masks and classes.yaml")
    if file := own_class_file(root):
        return file
    raise InputError(
        f"no {' or '.join(CLASS_FILES)} in {root}; write one that names the classes, for example "
        f"'classes: [background, car]', or give its path as data.classes"
    )


def layered_class_file(root: Path) -> Path | None:
    """The class file in a folder with masks, if it says that classes overlap; what else it says is not checked.

    Raises:
        InputError: If there is one that is not valid YAML or JSON.
    """
    file = own_class_file(root) if (root / "masks").is_dir() else None
    return file if file is not None and load_class_file(file).get("masks") == "layers" else None


def find_suffix(images: Iterable[str], masks: Collection[str]) -> str:
    """What all masks have after the names of their images; empty if there is no such ending.

    Example:
        >>> find_suffix(["a", "b"], ["a_mask", "b_mask"])
        '_mask'
    """
    names = set(images)
    first = next(iter(masks), "")
    for name in sorted(names):
        suffix = first.removeprefix(name)
        if suffix != first and all(mask.endswith(suffix) and mask.removesuffix(suffix) in names for mask in masks):
            return suffix
    return ""


def _without_suffix(masks: dict[str, Path], suffix: str, hint: str) -> dict[str, Path]:
    """The masks by the names of their images."""
    others = [path.name for name, path in masks.items() if not name.endswith(suffix)]
    if others:
        raise InputError(
            f"masks whose names do not end with mask_suffix {suffix} ({len(others)} of {len(masks)}): "
            f"{listed(others)}. {hint}"
        )
    return {name.removesuffix(suffix): path for name, path in masks.items()}


def _check_names(matched: Sequence[Sequence[Pair]]) -> None:
    """Refuse masks of an image whose files have different names: one is found by that of another."""
    for first, *others in zip(*matched, strict=True):
        for other in others:
            if other.mask.name != first.mask.name:
                raise InputError(
                    f"{first.mask} and {other.mask} are masks of one image in different formats; save both in one"
                )


def refuse_black_and_white(pairs: Sequence[Pair], *, where: object) -> None:
    """Refuse masks of 0 and 255, which decode to one class and void: valid, but never intended.

    Args:
        pairs: The pairs of a split.
        where: Where the masks are, for the message.

    Raises:
        InputError: If all masks have no other values.
    """
    white = False
    for pair in pairs:
        mask = read_mask(pair.mask)
        if not ((mask == 0) | (mask == 255)).all():
            return
        white = white or bool((mask == 255).any())
    if white:
        raise InputError(
            f"all {len(pairs)} masks in {where} contain only 0 and 255, and 255 is ignored, so "
            f"there would be a single class to learn. These are black-and-white pictures: give the white class "
            f"'value: 255' in the class file, or divide the masks by 255"
        )
