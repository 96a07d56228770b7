"""Batch norms synchronized over processes, for a batch that is small in each of them.

torch's own conversion, which Lightning calls for sync_batchnorm=True, turns timm's norms with an activation into bare
norms; timm's keeps the activation. The norms of both compute on GPUs alone; on CPUs our own do.
"""

from lightning.pytorch.plugins.layer_sync import TorchSyncBatchNorm
from timm.layers import convert_sync_batchnorm
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from feedbackward.errors import InputError
from feedbackward.nn.sync_norm import synchronized

_TENSORS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class SyncNorms(TorchSyncBatchNorm):
    """Lightning's plugin for synchronized batch norms, for networks with timm's norms.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(devices=2, sync_batchnorm=True, plugins=SyncNorms())  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._originals: dict[str, _BatchNorm] = {}

    def apply(self, model: nn.Module) -> nn.Module:
        """Replace all batch norms by synchronized ones, which share their tensors; the processes are connected."""
        self._originals = {
            path: module
            for path, module in model.named_modules(remove_duplicate=False)
            if isinstance(module, _BatchNorm)
        }
        if distributed.get_backend() == "gloo":  # the processes are on CPUs; the weights are moved to GPUs after this
            for path, original in self._originals.items():
                model.set_submodule(path, synchronized(original))
            return model
        converted: nn.Module = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return converted

    def revert(self, model: nn.Module) -> nn.Module:
        """Put the original norms back, with the tensors of the synchronized ones."""
        for path, original in self._originals.items():
            synchronized = model.get_submodule(path)
            for name in _TENSORS:
                setattr(original, name, getattr(synchronized, name))
            model.set_submodule(path, original.train(synchronized.training))
        return model


def check_activations(network: nn.Module) -> None:
    """Refuse a network whose norms torch's conversion has stripped of their activation.

    Raises:
        InputError: If a norm has lost its activation.
    """
    lost = [
        path
        for path, module in network.named_modules()
        if type(module) is nn.SyncBatchNorm and "act" in dict(module.named_children())
    ]
    if lost:
        raise InputError(
            f"Trainer(sync_batchnorm=True) has removed the activations of {len(lost)} norms of timm ({lost[0]}, ...); "
            f"keep them with Trainer(sync_batchnorm=True, plugins=feedbackward.training.SyncNorms())"
        )
