"""Masks of a data set and where they belong, for messages about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from feedbackward.data.encodings import unpack
from feedbackward.errors import InputError, listed
from feedbackward.importing.mask_facts import MaskFacts, read_mask_facts


@dataclass(frozen=True)
class PlacedMask:
    """A mask and where it belongs.

    Args:
        facts: The mask.
        sample: The position of its sample.
        split: The split of its sample.
        place: Its file or name, for messages.
        path: Its file; None if it is drawn, which gives values.
    """

    facts: MaskFacts
    sample: int
    split: str
    place: str
    path: Path | None

    def shown(self) -> str:
        """Its place and some of its codes, for messages."""
        return f"{self.place} ({shown_codes(self.facts.codes.tolist(), colors=self.facts.colors)})"


def of_one_kind(masks: Sequence[PlacedMask]) -> tuple[list[PlacedMask], list[tuple[PlacedMask, str]]]:
    """The masks, all as colors if any has colors: gray ones and palettes are decoded by their colors then.

    Returns:
        The masks, and those that have no colors of 8 bits, each with what is wrong with it.
    """
    if not any(mask.facts.colors for mask in masks):
        return [*masks], []
    found, failed = [], []
    for mask in masks:
        if mask.facts.colors or mask.path is None:
            found.append(mask)
            continue
        try:
            found.append(replace(mask, facts=read_mask_facts(mask.path, as_colors=True)))
        except InputError as error:
            failed.append((mask, str(error).replace(str(mask.path), mask.place).split("; ")[0]))
    return found, failed


def shown_codes(codes: Iterable[int], *, colors: bool) -> str:
    """Some values or colors, for messages.

    Example:
        >>> shown_codes([7, 8], colors=False), shown_codes([0xFF], colors=True)
        ('values 7, 8', 'color (0, 0, 255)')
    """
    codes = [*codes]
    noun = f"{'color' if colors else 'value'}{'s' if len(codes) > 1 else ''}"
    return f"{noun} {listed(map(unpack, codes) if colors else codes, most=5)}"
