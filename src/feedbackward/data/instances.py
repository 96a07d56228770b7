"""The instance maps beside Cityscapes' label ids: found, and checked when a split is opened."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from feedbackward.data.cityscapes_labels import LABELS
from feedbackward.data.files import check_image, read_instance_ids
from feedbackward.data.pairs import Pair
from feedbackward.errors import InputError, listed

_WITHOUT = {label.id: label.name for label in LABELS if label.evaluated and not label.has_instances}
# Up to 1000 are label ids, of stuff and groups; instances of labels that are not evaluated are skipped in the scores.
_POSSIBLE = np.array(
    [value <= 1000 or (value // 1000 < len(LABELS) and value // 1000 not in _WITHOUT) for value in range(1 << 16)]
)


def find_instances(pairs: Sequence[Pair]) -> list[Path]:
    """The instance map beside each label-id mask.

    Raises:
        InputError: If maps are missing; lists up to ten.
    """
    paths = [pair.mask.with_name(pair.mask.name.replace("_labelIds", "_instanceIds")) for pair in pairs]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} instance maps are missing beside the labelIds in {paths[0].parents[1]}: "
            f"{listed(missing)}. They are in gtFine_trainvaltest.zip and needed for the instance scores"
        )
    return paths


def check_instances(pairs: Sequence[Pair], paths: Sequence[Path]) -> None:
    """Read every instance map once, on all cores.

    Args:
        pairs: Images and masks of a split.
        paths: The instance map of each pair.

    Raises:
        InputError: If a map is damaged, of another size than its image, or holds an impossible instance.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases the interpreter's lock
        for _ in pool.map(_check, pairs, paths):
            pass


def _check(pair: Pair, path: Path) -> None:
    ids = read_instance_ids(path)
    expected = check_image(pair.image)
    if ids.shape != expected:
        raise InputError(
            f"{path} is {ids.shape[0]}x{ids.shape[1]} but its image {pair.image} is {expected[0]}x{expected[1]} "
            f"(height x width); copy the original again"
        )
    possible = np.take(_POSSIBLE, ids)
    if not possible.all():
        value = int(ids[~possible][0])
        what = f"an instance of {_WITHOUT[value // 1000]!r}, which has none" if value // 1000 in _WITHOUT else "no id"
        raise InputError(
            f"{path} holds the value {value}, {what}; expected label id * 1000 + number, or a label id of "
            f"0 to {len(LABELS) - 1}: copy the original again"
        )
