"""Checking masks: whether their values or colors are classes, and how much each class covers."""

from collections import Counter, defaultdict

from feedbackward.importing import problems
from feedbackward.importing.class_codes import ClassCodes
from feedbackward.importing.code_tally import Codes, tally
from feedbackward.importing.derived_classes import derive_classes, note_too_many
from feedbackward.importing.mask_codes import MOST_CODES, SOFT
from feedbackward.importing.placed_masks import PlacedMask, shown_codes
from feedbackward.importing.problems import ProblemLog

MOST_KEPT = 256
"""Masks of more values or colors cannot tell the classes: 8 bits have no more values."""
NEAR_EMPTY = 0.001
"""If all classes but the most frequent one of a mask cover less than this share, they seem to be a mistake."""


class MaskInspection:
    """Collects masks one by one; all problems are known after finish.

    Args:
        classes: The classes, if a class file or an annotation tells them; otherwise the masks themselves have to.
        log: Where problems are noted.

    Attributes:
        classes: The classes; None if they cannot be told.
        pixels: By split, the number of pixels by index of the class.
    """

    def __init__(self, classes: ClassCodes | None, log: ProblemLog) -> None:
        self.classes, self._log = classes, log
        self.pixels = defaultdict[str, Counter[int]](Counter)
        self._unjudged = list[PlacedMask]()
        self._codes = Codes(classes is not None and classes.colors)
        self._masks_by_split = defaultdict[str, Counter[int]](Counter)

    def add(self, mask: PlacedMask) -> None:
        """Add a mask."""
        facts = mask.facts
        if len(facts.codes) > MOST_KEPT and (facts.colors or self.classes is None):
            note_too_many(mask, self._log)
        elif self.classes is None:
            self._unjudged.append(mask)
        else:
            if facts.colors == self.classes.colors:
                self._codes.add(facts)
                self._masks_by_split[mask.split].update(facts.codes.tolist())
            self._judge(mask, self.classes)

    def finish(self) -> Codes:
        """Note the problems that only all masks together show, and return the codes of the masks."""
        if self.classes is not None:
            self._note_black_and_white(self.classes)
            return self._codes
        self.classes, sound = derive_classes(self._unjudged, self._log)
        if self.classes is not None:
            for mask in sound:
                self._judge(mask, self.classes)
        return tally(mask.facts for mask in sound)

    def _judge(self, mask: PlacedMask, classes: ClassCodes) -> None:
        areas, unknown = Counter[int](), list[int]()
        of_one_kind = mask.facts.colors == classes.colors
        for code, count in zip(mask.facts.codes.tolist(), mask.facts.counts.tolist(), strict=True):
            index = classes.index(code) if of_one_kind else None
            if index is None:
                unknown.append(code)
            else:
                areas[index] += count
        if unknown and self._is_soft(mask, classes):
            example = f"{mask.place} ({len(unknown)} such values)"
            self._log.add(problems.SOFT_OUTSIDE, example, samples=[mask.sample])
        elif len(unknown) > MOST_CODES:
            note_too_many(mask, self._log)
        elif unknown:
            shown = shown_codes(unknown, colors=mask.facts.colors)
            self._log.add(problems.OUTSIDE, f"{mask.place} ({shown})", samples=[mask.sample])
        self.pixels[mask.split] += areas
        if not unknown:
            self._note_coverage(mask, areas, void=classes.classes.table.ignore_index)

    @staticmethod
    def _is_soft(mask: PlacedMask, classes: ClassCodes) -> bool:
        """Whether a threshold would separate the two classes of a class file in a mask that mostly is 0 and 255."""
        facts = mask.facts
        if facts.colors or classes.colors or len(classes.classes.table) != 2 or facts.codes.max() > 255:
            return False
        ends = facts.counts[(facts.codes == 0) | (facts.codes == 255)].sum()
        return {0, 255} <= set(facts.codes.tolist()) and bool(ends >= SOFT * facts.counts.sum())

    def _note_coverage(self, mask: PlacedMask, areas: Counter[int], *, void: int) -> None:
        counted = [count for index, count in areas.items() if index != void]
        if len(counted) < 2:
            self._log.add(problems.SINGLE_CLASS, mask.place)
        elif sum(counted) - max(counted) < NEAR_EMPTY * areas.total():
            self._log.add(problems.NEAR_EMPTY, mask.place)

    def _note_black_and_white(self, classes: ClassCodes) -> None:
        if classes.classes.ignores_white:
            for split, masks in self._masks_by_split.items():
                if 255 in masks and masks.keys() <= {0, 255}:
                    self._log.add(problems.BLACK_AND_WHITE, split, count=max(masks.values()))
