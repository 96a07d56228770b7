"""Lightning's early stopping, for trainings that are resumed."""

from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch import callbacks
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason


class EarlyStopping(callbacks.EarlyStopping):
    """Stops a training that does not get better, also one that was interrupted after it had decided so.

    A resumed training follows its own patience, not that of the checkpoint.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score and the number of validations since."""
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Stop a training that is resumed after its end."""
        if has_stopped(self.state_dict(), patience=self.patience):
            trainer.should_stop = True
        else:
            self.stopping_reason = EarlyStoppingReason.NOT_STOPPED


def has_stopped(state: Mapping[str, Any], *, patience: int) -> bool:
    """Whether a training has been stopped, unless its patience has been raised since.

    Args:
        state: What EarlyStopping stores in a checkpoint.
        patience: The patience now.
    """
    reason = EarlyStoppingReason(state["stopping_reason"])
    if reason == EarlyStoppingReason.PATIENCE_EXHAUSTED:
        return bool(state["wait_count"] >= patience)
    return reason != EarlyStoppingReason.NOT_STOPPED
