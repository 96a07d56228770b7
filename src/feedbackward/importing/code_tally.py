"""Counting the values or colors of masks, one mask after the other."""

from collections import Counter
from dataclasses import dataclass

from feedbackward.errors import listed
from feedbackward.importing.examination import MaskFacts
from feedbackward.importing.mask_codes import Codes, to_color

_GRAY = 0x010101
"""The color (v, v, v) is this times v."""


@dataclass(frozen=True)
class PlacedMask:
    """A mask and where it belongs.

    Args:
        facts: The mask.
        sample: The position of its sample.
        split: The split of its sample.
        place: Its file or name, for messages.
    """

    facts: MaskFacts
    sample: int
    split: str
    place: str

    def codes(self, *, as_colors: bool) -> list[int]:
        """Its values; or its colors, also if it is gray."""
        scale = _GRAY if as_colors and not self.facts.colors else 1
        return [code * scale for code in self.facts.codes.tolist()]

    def shown(self) -> str:
        """Its place and some of its codes, for messages."""
        return f"{self.place} ({shown_codes(self.codes(as_colors=self.facts.colors), colors=self.facts.colors)})"


class CodeTally:
    """The values of masks, and the colors of those that have some."""

    def __init__(self) -> None:
        self._values = Codes(False, Counter(), Counter())
        self._colors = Codes(True, Counter(), Counter())

    def add(self, mask: MaskFacts) -> None:
        """Count a mask."""
        codes = self._colors if mask.colors else self._values
        found = mask.codes.tolist()
        codes.pixels.update(dict(zip(found, mask.counts.tolist(), strict=True)))
        codes.masks.update(found)

    def total(self) -> Codes:
        """The colors of all masks if any mask has colors, where gray ones are colors too; otherwise the values."""
        if not self._colors.pixels:
            return self._values
        gray = self._values
        return Codes(
            True,
            self._colors.pixels + Counter({code * _GRAY: count for code, count in gray.pixels.items()}),
            self._colors.masks + Counter({code * _GRAY: count for code, count in gray.masks.items()}),
        )


def shown_codes(codes: list[int], *, colors: bool) -> str:
    """Some values or colors, for messages.

    Example:
        >>> shown_codes([7, 8], colors=False), shown_codes([0xFF], colors=True)
        ('values 7, 8', 'color (0, 0, 255)')
    """
    noun = f"{'color' if colors else 'value'}{'s' if len(codes) > 1 else ''}"
    return f"{noun} {listed(map(to_color, codes) if colors else codes, most=5)}"
