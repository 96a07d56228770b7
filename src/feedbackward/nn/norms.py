"""The decoder's norms, and batches that are too small for norms."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from feedbackward.errors import InputError
from feedbackward.nn.sync_norm import SyncNorm, SyncNormAct

DecoderNorm = Literal["batch", "group"]

BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""The class of batch norm by the number of axes of its input."""
GROUPS, SMALLEST_GROUP = 32, 8
"""The largest number of groups, as in "Group Normalization" (Wu and He, 2018), and the smallest size of a group where
there are enough channels: a group of one channel has no variance in an image of one pixel."""


def create_norm(kind: DecoderNorm, channels: int, *, dims: int) -> nn.Module:
    """Create a norm for tensors (N, channels, ...).

    Args:
        kind: "batch" for the paper's batch normalization, "group" for group normalization, which does not depend on
            the batch.
        channels: Number of channels.
        dims: Number of axes, including the batch: 4 for images, 3 for sequences; a key of BATCH_NORMS.
    """
    if kind == "batch":
        return BATCH_NORMS[dims](channels)
    divisors = (g for g in range(GROUPS, 0, -1) if channels % g == 0 and channels // g >= SMALLEST_GROUP)
    return nn.GroupNorm(next(divisors, 1), channels)


@contextmanager
def refuse_single_values(network: nn.Module, image: Tensor) -> Iterator[None]:
    """Refuse, in a forward pass for training, a batch norm's input with a single value per channel.

    Such values have no variance. Norms that are frozen, or synchronized over processes, accept them.

    Args:
        network: The network that the pass runs.
        image: Its images (N, C, H, W), for the message.

    Raises:
        InputError: In the pass, at the first such norm.
    """
    handles = [
        module.register_forward_pre_hook(partial(_refuse_single_value, path=path, image=image))
        for path, module in network.named_modules()
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm | SyncNorm | SyncNormAct)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _refuse_single_value(norm: nn.Module, args: tuple[Any, ...], *, path: str, image: Tensor) -> None:
    features = args[0]
    if norm.training and features.numel() == features.shape[1]:
        height, width = image.shape[-2:]
        raise InputError(
            f"a training batch of {len(image)} image of {height}x{width}: its features at the batch norm {path} are "
            f"1x1, a single value per channel, which has no variance; train on batches of 2 or more or on larger "
            f"images or crops, or freeze the encoder and give the decoder group norms"
        )
