"""Thresholds for the probabilities of single classes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed, nearest
from feedbackward.task import Task


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


def table_of(task: Task) -> ClassTable:
    """The classes of a task.

    Raises:
        InputError: If they have no names.
    """
    if task.class_table is None:
        raise InputError("the network has no class names and colors; set its class_table")
    return task.class_table


def check_thresholds(thresholds: Mapping[str, float], tasks: Sequence[Task]) -> dict[str, dict[int, float]]:
    """The thresholds of each task that has some, by the index of their class.

    Args:
        thresholds: By the name of the class, above 0 and at most 1.
        tasks: The tasks.

    Raises:
        InputError: If a class does not exist or belongs to several tasks, a threshold is out of range, or a task has no
            class table.

    Example:
        >>> table = ClassTable(("background", "crack"), ((0, 0, 0), (255, 0, 0)))
        >>> check_thresholds({"crack": 0.7}, [Task("walls", 2, table)])
        {'walls': {1: 0.7}}
    """
    found = dict[str, dict[int, float]]()
    for name, threshold in thresholds.items():
        tables = {task.name: table_of(task) for task in tasks}
        owners = [task for task, table in tables.items() if name in table.names]
        if not owners:
            names = [each for table in tables.values() for each in table.names]
            raise InputError(f"threshold {name}={threshold:g}: no class has that name; {nearest(name, names)}")
        if len(owners) > 1:
            raise InputError(
                f"threshold {name}={threshold:g}: the tasks {listed(owners)} have a class of that name; expected the "
                f"name of a class that one task has"
            )
        if not 0 < threshold <= 1:
            raise InputError(f"threshold {name}={threshold:g}: expected a probability above 0 and at most 1")
        found.setdefault(owners[0], {})[tables[owners[0]].names.index(name)] = float(threshold)
    return found


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
