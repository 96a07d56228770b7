"""One task of a segmenter that predicts several, such as one class of those that overlap."""

from typing import Any

from torch import Tensor

from feedbackward.errors import InputError, nearest
from feedbackward.task import Task, split_tasks, tasks_of


def choose_task(segmenter: Any, name: str) -> Task:
    """The task of that name; the first one, or the only one, without a name.

    Raises:
        InputError: If there is no such task.
    """
    tasks = {task.name: task for task in tasks_of(segmenter)}
    if not name:
        return next(iter(tasks.values()))
    if name not in tasks:
        known = nearest(name, tasks) if "" not in tasks else "this model has a single one, without a name"
        raise InputError(f"no task {name!r}; {known}")
    return tasks[name]


def logits_of(logits: Tensor, segmenter: Any, task: str) -> Tensor:
    """The logits (N, classes, H, W) of a task, as choose_task finds it, among those of all."""
    tasks, chosen = tasks_of(segmenter), choose_task(segmenter, task)
    found: Tensor = split_tasks(logits, tasks)[tasks.index(chosen)]
    return found
