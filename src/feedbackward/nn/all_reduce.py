"""The sum over the processes of a training, with its gradient."""

from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, distributed


class _AllReduce(torch.autograd.Function):
    # The one of torch.distributed.nn is deprecated, and what replaces it is private.
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004
        total = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # noqa: ARG004
        # The values of each process are part of the sum in all of them, so its gradient is the sum of theirs.
        return _AllReduce.apply(gradient)


def in_several_processes() -> bool:
    """Whether a process group of torch connects this process with others."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def all_reduce(values: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
    """Sum tensors of the same shape over all processes, each of which must call this.

    Where the gradients of the parameters are averaged over the processes, as DistributedDataParallel does, they are
    those of the mean of the losses of all processes.
    """
    total: Tensor = _AllReduce.apply(values)
    return total
