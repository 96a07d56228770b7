"""What a segmenter predicts: one segmentation, or several whose logits follow each other along the class axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from feedbackward.classes import BACKGROUND, ClassTable
from feedbackward.errors import InputError, listed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Task:
    """One segmentation.

    Args:
        name: Its name among several; "" if there is only one.
        classes: The number of its classes.
        class_table: Names and colors of the classes, if known.

    Raises:
        InputError: If the table has another number of classes.
    """

    name: str
    classes: int
    class_table: ClassTable | None

    def __post_init__(self) -> None:
        if self.class_table is not None and self.class_table.logits != self.classes:
            raise InputError(
                f"the network{f' {self.name}' if self.name else ''} has {self.classes} classes, and its class table "
                f"names {listed(self.class_table.names)}; expected a name for each: set its class_table"
            )


def class_tasks(table: ClassTable | None) -> tuple[Task, ...]:
    """One task for each class of a network whose classes overlap, which tells it from the background; else none."""
    if table is None or not table.overlapping:
        return ()
    pairs = zip(table.names, table.colors, strict=True)
    of_void = table.ignore_index, table.values, table.void_value
    return tuple(Task(name, 2, ClassTable((BACKGROUND, name), ((0, 0, 0), color), *of_void)) for name, color in pairs)


def tasks_of(segmenter: Any) -> tuple[Task, ...]:
    """The tasks of a segmenter or a network: those that it names, or the single one that it is."""
    named: tuple[Task, ...] | None = getattr(segmenter, "tasks", None)
    return named or (Task("", segmenter.classes, segmenter.class_table),)


def split_tasks(logits: Any, tasks: Sequence[Task]) -> list[Any]:
    """The logits (N, classes, H, W) of each task, from those of all."""
    if len(tasks) == 1:
        return [logits]
    ends = list(accumulate(task.classes for task in tasks))
    return [logits[:, end - task.classes : end] for end, task in zip(ends, tasks, strict=True)]


def for_each_task(function: "Callable[[Tensor], Tensor]", logits: "Tensor", tasks: Sequence[Task]) -> "Tensor":
    """Apply a function, which keeps the shape, to the logits of each task alone."""
    if len(tasks) == 1:
        return function(logits)
    import torch

    return torch.cat([function(each) for each in split_tasks(logits, tasks)], dim=1)
