"""A training whose loss or gradient is infinite or not a number ends there, or leaves that batch out."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, distributed

from feedbackward.errors import FailureError, listed
from feedbackward.io import write_whole
from feedbackward.nn.all_reduce import in_several_processes

logger = logging.getLogger(__name__)


class NotFiniteError(FailureError):
    """A step gave a loss or a gradient that is not finite; the weights are those before the step.

    Args:
        message: What was found, where, and what to do.
        batch: The batch of this process; None if only those of others gave such values.
    """

    def __init__(self, message: str, batch: Mapping[str, Any] | None) -> None:
        super().__init__(message)
        self.batch = batch


class StepGuard:
    """Checks the loss and the gradient of each step; of several processes all end or leave out their batches together.

    Args:
        task: The module that is trained; its batches have the names of their images under "name".
        most: The number of batches that may be left out.

    Attributes:
        skipped: The number of batches that were left out.
    """

    def __init__(self, task: pl.LightningModule, *, most: int) -> None:
        self.task = task
        self.most = most
        self.skipped = 0
        self._batch: Mapping[str, Any] = {}
        self._number = 0
        self._buffers: list[Tensor] = []
        self._drop = False

    def begin(self, batch: Mapping[str, Any], number: int) -> None:
        """Note the batch before its forward pass, which changes the statistics of batch norms."""
        self._batch, self._number, self._drop = batch, number, False
        if self.skipped < self.most:
            self._buffers = [buffer.clone() for buffer in self.task.buffers()]

    def check_loss(self, loss: Tensor) -> None:
        """Check the loss before the backward pass.

        Raises:
            NotFiniteError: If it is not finite and no further batch may be left out.
        """
        self._check(bool(loss.isfinite()), f"the training loss is {loss.item():g}")

    def check_gradient(self) -> bool:
        """Check the gradient after the backward pass.

        Returns:
            Whether the batch counts. If not, the step changes nothing, and neither do the gradients of earlier batches
            that were accumulated for it.

        Raises:
            NotFiniteError: If the gradient is not finite and no further batch may be left out.
        """
        precision = self.task.trainer.precision_plugin
        scaled = isinstance(precision, MixedPrecision) and precision.scaler is not None
        if not self._drop and not scaled:  # the scaler of 16-bit floats lets gradients overflow, and omits the step
            gradients = (parameter.grad for parameter in self.task.parameters() if parameter.grad is not None)
            self._check(all_finite(gradients), "the gradient is not finite")
        if self._drop:
            if scaled:  # the scaler fails without gradients, and omits the step if they are nan
                for parameter in self.task.parameters():
                    if parameter.grad is not None:
                        parameter.grad.fill_(torch.nan)
            else:
                self.task.zero_grad()
            for buffer, before in zip(self.task.buffers(), self._buffers, strict=True):
                buffer.copy_(before)
        return not self._drop

    def _check(self, finite: bool, what: str) -> None:
        if self._everywhere(finite):
            return
        names = _gathered([] if finite else self._batch["name"])
        found = f"{what} in epoch {self.task.current_epoch + 1}, batch {self._number + 1} ({listed(names)})"
        if self.skipped == self.most:
            raise NotFiniteError(
                f"{found}; look at its images and masks, lower the learning rate, or leave such batches out: "
                f"--model.skip_nonfinite {self.most + 10}",
                None if finite else self._batch,
            )
        self.skipped += 1
        self._drop = True
        logger.warning("%s; the batch was left out, %d of at most %d", found, self.skipped, self.most)

    def _everywhere(self, finite: bool) -> bool:
        if not in_several_processes():
            return finite
        flag = torch.tensor(int(finite), device=self.task.device)
        distributed.all_reduce(flag, distributed.ReduceOp.MIN)
        return bool(flag)


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether the floating-point ones among some tensors contain neither infinity nor nan."""
    floating = [tensor.detach() for tensor in tensors if tensor.is_floating_point() and tensor.numel()]
    # The largest absolute value cannot overflow, as a sum can, and is nan if one of them is.
    return not floating or bool(torch.nn.utils.get_total_norm(floating, norm_type=float("inf")).isfinite())


def _gathered(names: Sequence[str]) -> list[str]:
    """The names of all processes."""
    if not in_several_processes():
        return list(names)
    gathered: list[Sequence[str]] = [()] * distributed.get_world_size()
    distributed.all_gather_object(gathered, list(names))
    return [name for part in gathered for name in part]


def save_batch(batch: Mapping[str, Any], path: Path) -> None:
    """Write the images (N, C, H, W) in [0, 1], the masks and the names of a batch for numpy.load.

    Raises:
        InputError: If the file cannot be written.
    """
    arrays = {name: np.asarray(value.cpu() if isinstance(value, Tensor) else value) for name, value in batch.items()}
    write_whole(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
