"""The classes of masks that nothing describes: from the values or colors of all of them."""

from collections.abc import Sequence

from feedbackward.errors import InputError
from feedbackward.importing import problems
from feedbackward.importing.class_codes import ClassCodes, read_class_codes
from feedbackward.importing.code_tally import tally
from feedbackward.importing.mask_codes import MOST_CODES, describe_codes
from feedbackward.importing.placed_masks import PlacedMask, of_one_kind
from feedbackward.importing.problems import ProblemLog


def derive_classes(masks: Sequence[PlacedMask], log: ProblemLog) -> tuple[ClassCodes | None, list[PlacedMask]]:
    """Tell the classes, leaving out masks that have too many values or colors if all together have too many.

    Args:
        masks: The masks.
        log: Where such masks are noted, and what is assumed about the values.

    Returns:
        The classes, None if they cannot be told, and the masks without those that were left out.
    """
    sound, failed = of_one_kind(masks)
    classes = _described(sound)
    if classes is None:
        for mask in masks:
            if len(mask.facts.codes) > MOST_CODES:
                note_too_many(mask, log)
        sound, failed = of_one_kind([mask for mask in masks if len(mask.facts.codes) <= MOST_CODES])
        classes = _described(sound)
    for mask, message in failed:
        log.add(problems.UNREADABLE_MASK, message, samples=[mask.sample])
    if classes is None:
        for mask in sound:
            log.add(problems.TOO_MANY_TOGETHER, mask.shown(), samples=[mask.sample])
    else:
        _note_assumptions(classes, sound, log)
    return classes, sound


def note_too_many(mask: PlacedMask, log: ProblemLog) -> None:
    """Note that a mask has too many values or colors."""
    what = "colors" if mask.facts.colors else "values"
    log.add(problems.TOO_MANY, f"{mask.place} ({len(mask.facts.codes)} {what})", samples=[mask.sample])


def _described(masks: Sequence[PlacedMask]) -> ClassCodes | None:
    if not masks:
        return None
    try:
        return read_class_codes(describe_codes(tally(mask.facts for mask in masks)))
    except InputError:
        return None


def _note_assumptions(classes: ClassCodes, masks: Sequence[PlacedMask], log: ProblemLog) -> None:
    if classes.colors:
        return
    values = {value for mask in masks for value in mask.facts.codes.tolist()}
    soft, white = "threshold" in classes.content, classes.content.get("ignore") == 255
    for mask in masks:
        of_mask = set(mask.facts.codes.tolist())
        if soft and not of_mask <= {0, 255}:
            log.add(problems.SOFT, f"{mask.place} ({len(of_mask)} values)")
        elif white and 255 in of_mask:
            log.add(problems.IGNORED_WHITE, mask.place)
    if 255 in values <= {0, 255}:
        log.add(problems.BINARY, count=len(masks))
