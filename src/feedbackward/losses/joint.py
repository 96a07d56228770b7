"""Losses over the batches of all processes as one, so that a training in several processes has the gradients of one.

A mean over the pixels, or over the classes, of each process is another loss than that over the whole batch where shares
of void or of classes differ. The losses here are ratios of sums; in a joint batch these go over all processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jaxtyping import Shaped
from torch import Tensor

from feedbackward.nn.all_reduce import all_reduce, in_several_processes

_JOINT = ContextVar("_JOINT", default=False)


@contextmanager
def joint_batch() -> Iterator[None]:
    """Within it the losses are those of the batches of all processes together, the same value in each.

    Every process must compute the same losses in it. Averaged over the processes, as DistributedDataParallel does it,
    their gradients are those of one process with the whole batch. Without a process group nothing changes.

    Example:
        >>> import torch
        >>> from feedbackward.losses import CrossEntropyLoss
        >>> with joint_batch():
        ...     loss = CrossEntropyLoss()(torch.zeros(1, 2, 1, 1), torch.tensor([[[0]]]))
    """
    token = _JOINT.set(in_several_processes())
    try:
        yield
    finally:
        _JOINT.reset(token)


def joint_sum(values: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
    """The values, summed over all processes in a joint batch."""
    return all_reduce(values) if _JOINT.get() else values
