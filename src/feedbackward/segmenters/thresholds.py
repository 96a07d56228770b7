"""Thresholds for the probabilities of single classes."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, nearest


def apply_thresholds(
    probabilities: NDArray[np.floating], thresholds: Mapping[int, float], table: ClassTable
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Choose classes from probabilities, with thresholds for some of them.

    A class with a threshold takes the pixels at which its probability reaches it; of several such classes the one with
    the largest ratio of probability and threshold. The other pixels have the most probable of the classes without a
    threshold, or are void if there are none. For two classes with one threshold this is the usual binary threshold.

    Args:
        probabilities: (classes, H, W).
        thresholds: The threshold of each class index that has one, above 0 and at most 1.
        table: The classes.

    Returns:
        Class indices (H, W), ignore_index for void; uint16 if 8 bits are too few for them.

    Example:
        >>> table = ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0)))
        >>> apply_thresholds(np.array([[[0.8, 0.6]], [[0.2, 0.4]]]), {1: 0.4}, table).tolist()
        [[0, 1]]
    """
    dtype = np.uint8 if max(len(table) - 1, table.ignore_index) <= 255 else np.uint16
    chosen = np.full(probabilities.shape[1:], table.ignore_index, dtype)
    best = np.zeros(probabilities.shape[1:], probabilities.dtype)
    for index in range(len(table)):
        if index not in thresholds:
            better = probabilities[index] > best
            chosen[better], best[better] = index, probabilities[index][better]
    best[:] = 0
    for index, threshold in sorted(thresholds.items()):
        ratio = probabilities[index] / probabilities.dtype.type(threshold)
        better = (probabilities[index] >= threshold) & (ratio > best)
        chosen[better], best[better] = index, ratio[better]
    return chosen


def check_thresholds(thresholds: Mapping[str, float], table: ClassTable) -> dict[int, float]:
    """The thresholds by the index of their class.

    Args:
        thresholds: By the name of the class, above 0 and at most 1.
        table: The classes.

    Raises:
        InputError: If a class does not exist, or a threshold is out of range.

    Example:
        >>> table = ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0)))
        >>> check_thresholds({"crack": 0.7}, table)
        {1: 0.7}
    """
    for name, threshold in thresholds.items():
        if name not in table.names:
            raise InputError(f"threshold {name}={threshold:g}: no class has that name; {nearest(name, table.names)}")
        if not 0 < threshold <= 1:
            raise InputError(f"threshold {name}={threshold:g}: expected a probability above 0 and at most 1")
    return {table.names.index(name): float(threshold) for name, threshold in thresholds.items()}


def parse_thresholds(texts: Iterable[str]) -> dict[str, float]:
    """Parse the command line's thresholds.

    Args:
        texts: NAME=THRESHOLD each, such as "crack=0.7".

    Returns:
        The threshold of each class name.

    Raises:
        InputError: If a text has another form, or a class has two thresholds.

    Example:
        >>> parse_thresholds(["crack=0.7"])
        {'crack': 0.7}
    """
    thresholds: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            threshold = float(number)
        except ValueError:
            threshold = float("nan")
        if not name or threshold != threshold:
            raise InputError(f"threshold {text!r}: expected NAME=THRESHOLD with a number, such as crack=0.7")
        if name in thresholds:
            raise InputError(f"threshold {text!r}: {name} has a threshold already, {thresholds[name]:g}; give one")
        thresholds[name] = threshold
    return thresholds
