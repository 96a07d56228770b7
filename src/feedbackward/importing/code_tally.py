"""Counting the values or colors of masks, one mask after the other."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from feedbackward.importing.mask_facts import MaskFacts, read_mask_facts


@dataclass(frozen=True)
class Codes:
    """The codes of masks: values, or colors as data.encodings packs them.

    Args:
        colors: Whether they are colors.
        pixels: The number of pixels of each.
        masks: The number of masks in which each occurs.
    """

    colors: bool
    pixels: Counter[int] = field(default_factory=Counter)
    masks: Counter[int] = field(default_factory=Counter)

    def add(self, mask: MaskFacts) -> None:
        """Count a mask of the same kind."""
        assert mask.colors == self.colors
        found = mask.codes.tolist()
        self.pixels.update(dict(zip(found, mask.counts.tolist(), strict=True)))
        self.masks.update(found)


def tally(masks: Iterable[MaskFacts]) -> Codes:
    """The codes of masks of one kind; no values if there are no masks."""
    masks = tuple(masks)
    codes = Codes(any(mask.colors for mask in masks))
    for mask in masks:
        codes.add(mask)
    return codes


def count_codes(paths: Sequence[Path]) -> Codes:
    """Count the values of mask files, or the colors of all if any has channels that differ, on all cores.

    Raises:
        InputError: If a mask cannot be read, or has more than 8 bits though others have colors.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        masks = list(pool.map(read_mask_facts, paths))
        if any(mask.colors for mask in masks):
            # Gray masks and palettes are decoded by their colors, too.
            others = [path for path, mask in zip(paths, masks, strict=True) if not mask.colors]
            masks = [mask for mask in masks if mask.colors]
            masks += pool.map(partial(read_mask_facts, as_colors=True), others)
    return tally(masks)
