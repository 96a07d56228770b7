"""What can be wrong with a data set, and all that is found of it: each kind with a count and some examples."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from feedbackward.errors import listed

Level = Literal["error", "warning"]

MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Args:
        name: Its name in JSON.
        level: An error spoils training or scores; a warning may be intended.
        what: What is counted, in the plural.
        remedy: What to do.
    """

    name: str
    level: Level
    what: str
    remedy: str


CLASS_FILE = Kind("class_file", "error", "class files that cannot be used", "correct the file")
UNREADABLE_IMAGE = Kind("unreadable_image", "error", "images that cannot be read", "copy or download them again")
UNREADABLE_MASK = Kind("unreadable_mask", "error", "masks that cannot be read", "copy or export them again")
LOSSY_MASK = Kind(
    "lossy_mask",
    "error",
    "masks in a format that changes values",
    "export them again as PNG (converting these files keeps the changed values)",
)
SIZE = Kind("size", "error", "masks of another size than their image (height x width)", "export them again in its size")
OUTSIDE = Kind(
    "outside_classes",
    "error",
    "masks with values or colors outside the class file",
    "add them to the class file, as classes or under 'ignore:'",
)
SOFT_OUTSIDE = Kind(
    "soft_edges_outside_classes",
    "error",
    "masks with soft edges, values between 0 and 255 that the class file does not have",
    "add 'threshold: 128' to the class file",
)
TOO_MANY = Kind(
    "too_many_values",
    "error",
    "masks with too many values or colors for classes",
    "JPEG or interpolation makes such masks: export them again as PNG",
)
TOO_MANY_TOGETHER = Kind(
    "too_many_values_together",
    "error",
    "masks that together have too many values or colors for classes",
    "write a class file; if they number objects, export classes instead",
)
BLACK_AND_WHITE = Kind(
    "black_and_white",
    "error",
    "masks of 0 and 255 only in a split without other values, though the class file ignores 255",
    "give the white class 'value: 255' in the class file",
)
LEAK = Kind(
    "between_splits",
    "error",
    "images that are in several splits, byte for byte",
    "keep each in one: scores of images that were trained on are too good",
)
EMPTY_SPLIT = Kind("empty_split", "error", "splits without a pair of image and mask", "add some, or remove the folder")

NOTE = Kind("note", "warning", "notes about the folder", "")
SINGLE_CLASS = Kind(
    "single_class", "warning", "masks with fewer than two classes", "see in --picture FILE that nothing is missing"
)
NEAR_EMPTY = Kind(
    "near_empty",
    "warning",
    "masks almost all of one class (the others below 0.1 %)",
    "stray pixels? see in --picture FILE",
)
BINARY = Kind(
    "binary",
    "warning",
    "masks of 0 and 255 without a class file",
    "understood as background and foreground",
)
IGNORED_WHITE = Kind(
    "ignored_white",
    "warning",
    "masks with the value 255 beside others, without a class file",
    "understood as pixels to ignore; if it is a class, write a class file that says so",
)
SOFT = Kind(
    "soft_edges",
    "warning",
    "masks with soft edges, values between 0 and 255",
    "understood with a threshold of 128",
)
REPEATED = Kind(
    "within_split",
    "warning",
    "images that occur before in their split, byte for byte",
    "remove the copies: they count twice",
)
UNSPLIT_REPEATED = Kind(
    "repeated",
    "warning",
    "images that occur before, byte for byte",
    "remove the copies, or some may be for training and others for validation",
)
CHANNELS = Kind(
    "mixed_channels",
    "warning",
    "images with other channels than most",
    "a network takes one kind: convert them",
)
DEPTHS = Kind(
    "mixed_depths",
    "warning",
    "images with another bit depth than most",
    "their values mean something else: convert them",
)
ONLY_TRAIN = Kind(
    "no_val",
    "warning",
    "images for training, and none for validation",
    "`feedbackward convert` divides them",
)


@dataclass(frozen=True)
class Problem:
    """All that was found of one kind.

    Args:
        kind: The kind.
        count: How often it occurs.
        examples: The first ones.
    """

    kind: Kind
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        if self.kind == NOTE:
            return "; ".join(self.examples)
        more = [""] * (self.count - len(self.examples))
        shown = f": {listed((*self.examples, *more), most=len(self.examples))}" if self.examples else ""
        return f"{self.kind.what} ({self.count}){shown}; {self.kind.remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "kind": self.kind.name,
            "level": self.kind.level,
            "count": self.count,
            "examples": list(self.examples),
            "message": str(self),
        }


class ProblemLog:
    """Collects problems; the memory that it takes does not grow with their number, but for samples with errors."""

    def __init__(self) -> None:
        self._counts = defaultdict[Kind, int](int)
        self._examples = defaultdict[Kind, list[str]](list)
        self.faulty = set[int]()
        """The positions of the samples that have errors."""

    def add(self, kind: Kind, example: str = "", *, count: int = 1, samples: Iterable[int] = ()) -> None:
        """Note a problem.

        Args:
            kind: Its kind.
            example: Where it is, and what was found there.
            count: How often it occurs.
            samples: The positions of the samples that training should do without.
        """
        self._counts[kind] += count
        if example and len(self._examples[kind]) < MOST_EXAMPLES:
            self._examples[kind].append(example)
        self.faulty.update(samples)

    def __iter__(self) -> Iterator[Problem]:
        """The problems, errors first."""
        for kind in sorted(self._counts, key=lambda kind: kind.level != "error"):
            yield Problem(kind, self._counts[kind], tuple(self._examples[kind]))
