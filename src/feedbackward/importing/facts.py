"""Facts about the samples of a data set, counted over all of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from feedbackward.data.encodings import unpack
from feedbackward.importing.class_codes import ClassCodes
from feedbackward.importing.code_tally import Codes

NO_SPLIT = "no split"
"""The name of the split of samples that belong to none."""


@dataclass
class Facts:
    """What a data set consists of.

    Args:
        layout: Its layout, as FoundData describes it.
        named: Whether the data set says what its classes are.
        splits: The number of samples by split.
        sizes: The number of images by height and width.
        channels: The number of images by their channels.
        depths: The number of images by their bits.
        formats: The number of images by the format of the file.
        codes: The values or colors of the masks.
        classes: Which classes they belong to; None if that cannot be told.
        pixels: By split, the number of pixels by index of the class (ignore_index for void).
    """

    layout: str
    named: bool
    splits: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    depths: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    codes: Codes = field(default_factory=lambda: Codes(False))
    classes: ClassCodes | None = None
    pixels: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def void_share(self) -> float:
        """The share of the pixels of all masks that are void."""
        counts = sum(self.pixels.values(), Counter())
        if self.classes is None or not counts:
            return 0
        return counts[self.classes.classes.table.ignore_index] / counts.total()

    def absent(self) -> dict[str, list[str]]:
        """The classes that never occur: those of all splits under "all", and by split those that occur in others."""
        if self.classes is None:
            return {}
        names = self.classes.classes.table.names
        everywhere = _without(names, sum(self.pixels.values(), Counter()))
        by_split = {split: _without(names, self.pixels[split]) for split in sorted(self.pixels)}
        return {
            "all": everywhere,
            **{split: [name for name in missing if name not in everywhere] for split, missing in by_split.items()},
        }

    def class_of(self, code: int) -> str:
        """The name of the class of a value or color, "void", or "not a class"."""
        index = None if self.classes is None else self.classes.index(code)
        if self.classes is None or index is None:
            return "not a class"
        table = self.classes.classes.table
        return "void" if index == table.ignore_index else table.names[index]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        total = self.codes.pixels.total() or 1
        what = "color" if self.codes.colors else "value"
        return {
            "layout": self.layout,
            "images_by_split": dict(self.splits),
            "sizes": {f"{height}x{width}": count for (height, width), count in self.sizes.most_common()},
            "channels": dict(self.channels),
            "bit_depths": dict(self.depths),
            "formats": dict(self.formats),
            "mask_codes": [
                {
                    what: list(unpack(code)) if self.codes.colors else code,
                    "class": self.class_of(code),
                    "share_of_pixels": self.codes.pixels[code] / total,
                    "masks": self.codes.masks[code],
                }
                for code in sorted(self.codes.pixels)
            ],
            "void_share": self.void_share,
            "classes_are_named": self.named,
            "classes": None if self.classes is None else list(self.classes.classes.table.names),
            "absent_classes": self.absent(),
        }


def _without(names: Iterable[str], counts: Counter[int]) -> list[str]:
    return [name for index, name in enumerate(names) if not counts[index]]
