"""The labeled images of a data set over which a calibration is measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from feedbackward.classes import ClassTable, check_classes
from feedbackward.data.encodings import MaskClasses
from feedbackward.errors import InputError
from feedbackward.importing import FoundData, Sample, recognize, split_samples
from feedbackward.importing.class_codes import read_class_codes
from feedbackward.importing.code_tally import count_codes, tally
from feedbackward.importing.mask_codes import describe_codes
from feedbackward.importing.mask_facts import mask_facts
from feedbackward.importing.reading import read_indices, read_pixels
from feedbackward.importing.splits import has_own_division


class LabeledImages:
    """The validation images of a data set, with their masks as class indices of a network.

    They are those of the data set's own split val; without one, those that `feedbackward train` holds out by default.

    Args:
        root: The folder of the data set, in a layout that `feedbackward inspect` recognizes.
        table: The classes of the network. Masks of classes without names have these, by ascending value or color.

    Attributes:
        what: Which images these are, for the user.
        ignore_index: The value of pixels in the masks that are not counted.

    Raises:
        InputError: If the data set is not recognized, or has other classes.
    """

    def __init__(self, root: Path, table: ClassTable) -> None:
        found = recognize(root)
        self._classes = _classes_of(found, table)
        check_classes(table, self._classes.table, of="network")
        self.ignore_index = self._classes.table.ignore_index
        self._samples = [sample for sample in split_samples(found.samples) if sample.split == "val"]
        own = has_own_division(found.samples)
        which = "of the split val" if own else "that `feedbackward train` holds out for validation"
        self.what = f"{len(self._samples)} images of {root} {which}"

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[tuple[Path | NDArray[Any], NDArray[Any]]]:
        """The file or the pixels of each image, and its mask (H, W)."""
        for sample in self._samples:
            image = sample.image if isinstance(sample.image, Path) else sample.image()
            yield image, self._mask(sample)

    def _mask(self, sample: Sample) -> NDArray[Any]:
        size = (0, 0) if isinstance(sample.mask, Path) else read_pixels(sample).shape[:2]
        return read_indices(sample, size, self._classes)


def _classes_of(found: FoundData, table: ClassTable) -> MaskClasses:
    """The classes and their encoding in the masks."""
    classes = found.classes
    if classes is None:
        files = [sample.mask for sample in found.samples if isinstance(sample.mask, Path)]
        drawn = [_drawn(sample) for sample in found.samples if not isinstance(sample.mask, Path)]
        codes = tally(mask_facts(mask) for mask in drawn) if drawn else count_codes(files)
        try:
            classes = describe_codes(codes, table.names)
        except InputError as error:
            raise InputError(f"the masks do not name their classes, the network has {len(table)}: {error}") from error
    return read_class_codes(classes).classes


def _drawn(sample: Sample) -> NDArray[Any]:
    assert not isinstance(sample.mask, Path)
    return sample.mask.draw(*read_pixels(sample).shape[:2])
