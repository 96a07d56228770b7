"""Batch norms over the images of all processes that compute on CPUs too: torch's refuse to."""

import copy

import torch
from timm.layers import BatchNormAct2d
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from feedbackward.nn.all_reduce import all_reduce, in_several_processes


class SyncNorm(_BatchNorm):
    """A batch norm with the mean and the variance of the batches of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (n, channels, ...)."""
        return _normalize(self, x) if _is_joint(self) else super().forward(x)

    def _check_input_dim(self, input: Tensor) -> None:
        pass


class SyncNormAct(BatchNormAct2d):
    """A SyncNorm with what follows it in timm: dropout and an activation."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (n, channels, h, w), and apply what follows."""
        if _is_joint(self):
            activated: Tensor = self.act(self.drop(_normalize(self, x)))
        else:
            activated = super().forward(x)  # type: ignore[no-untyped-call]
        return activated


def synchronized(norm: _BatchNorm) -> SyncNorm | SyncNormAct:
    """A synchronized norm with the tensors, and the activation, of another one."""
    same = copy.copy(norm)
    same.__class__ = SyncNormAct if isinstance(norm, BatchNormAct2d) else SyncNorm
    assert isinstance(same, SyncNorm | SyncNormAct)
    return same


def _is_joint(norm: _BatchNorm) -> bool:
    return norm.training and in_several_processes()


def _normalize(norm: _BatchNorm, x: Tensor) -> Tensor:
    values = x.to(torch.promote_types(x.dtype, torch.float32))
    mean, variance = _joint_statistics(norm, values)
    normalized = (values - _as(mean, x)) * _as((variance + norm.eps).rsqrt(), x)
    if norm.affine:
        normalized = normalized * _as(norm.weight, x) + _as(norm.bias, x)
    return normalized.to(x.dtype)


def _joint_statistics(norm: _BatchNorm, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the channels in the joint batch, which enter the running statistics as in torch."""
    axes = (0, *range(2, x.dim()))
    count = all_reduce(torch.tensor(x.numel() // x.shape[1], dtype=torch.float64, device=x.device))
    mean = all_reduce(x.sum(axes)) / count
    variance = all_reduce((x - _as(mean, x)).square().sum(axes)) / count
    if norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
        share = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
        norm.running_mean.lerp_(mean.detach(), share)
        norm.running_var.lerp_((variance * count / (count - 1)).detach(), share)
    return mean, variance


def _as(values: Tensor, x: Tensor) -> Tensor:
    """The values of the channels, to be broadcast to x (n, channels, ...)."""
    return values.view(1, -1, *[1] * (x.dim() - 2))
