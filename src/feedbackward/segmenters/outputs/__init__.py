"""The kinds of files that predict can write for an image, one in each file of this package."""

from collections.abc import Iterable
from pathlib import Path

from feedbackward.errors import InputError, nearest
from feedbackward.segmenters.outputs.coco import COCO
from feedbackward.segmenters.outputs.confidence import CONFIDENCE
from feedbackward.segmenters.outputs.contours import CONTOURS
from feedbackward.segmenters.outputs.foreground import FOREGROUND
from feedbackward.segmenters.outputs.masks import MASKS
from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.outputs.overlays import OVERLAYS
from feedbackward.segmenters.outputs.palette import PALETTE
from feedbackward.segmenters.outputs.polygons import POLYGONS
from feedbackward.segmenters.outputs.probabilities import PROBABILITIES
from feedbackward.segmenters.outputs.shares import SHARES
from feedbackward.segmenters.outputs.submission import SUBMISSION

OUTPUTS: dict[str, Output] = {
    output.name: output
    for output in (
        MASKS,
        PALETTE,
        OVERLAYS,
        CONTOURS,
        PROBABILITIES,
        FOREGROUND,
        CONFIDENCE,
        POLYGONS,
        SHARES,
        COCO,
        SUBMISSION,
    )
}
"""Every kind by its name."""


def find_outputs(kinds: Iterable[str]) -> list[Output]:
    """The kinds of these names, each once.

    Raises:
        InputError: If there is no such kind.
    """
    unknown = [kind for kind in kinds if kind not in OUTPUTS]
    if unknown:
        raise InputError(f"no output is named {unknown[0]!r}: {nearest(unknown[0], OUTPUTS)}")
    return [OUTPUTS[kind] for kind in dict.fromkeys(kinds)]


def output_of_suffix(path: Path) -> Output:
    """The first kind whose files have the suffix of a path.

    Raises:
        InputError: If there is none.
    """
    suffix = path.suffix.lower()
    suffixes = list(dict.fromkeys(output.suffix for output in OUTPUTS.values()))
    if suffix not in suffixes:
        raise InputError(f"{path}: no output has the suffix {path.suffix}; expected one of {', '.join(suffixes)}")
    return next(output for output in OUTPUTS.values() if output.suffix == suffix)


__all__ = ["OUTPUTS", "Output", "OutputOptions", "find_outputs", "output_of_suffix"]
