"""Ctrl-C and the signals of schedulers: the training ends after the step, when a checkpoint can be saved."""

import os
import signal
import threading
from types import FrameType
from typing import Any

import lightning.pytorch as pl

SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1")
"""Ctrl-C; what clouds and batch systems send; what SLURM can send before the end of a job."""


class Interruption(pl.Callback):
    """Notes a signal while a training runs; in a validation, and for a second time, it interrupts at once.

    Attributes:
        requested: Whether a signal has come.
    """

    def __init__(self) -> None:
        self.requested = False
        self._trainer: pl.Trainer | None = None
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Replace the handlers; Lightning's own end a training without a checkpoint, or save one within a step."""
        self._trainer = trainer
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
                self._previous[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        assert self._trainer is not None
        if self.requested or self._trainer.validating:
            raise KeyboardInterrupt
        self.requested = True
        if self._trainer.is_global_zero:  # print could be interrupted by itself
            os.write(2, b"the training ends after this step, with a checkpoint; a second signal ends it at once\n")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Restore the handlers; a signal that came after the last checkpoint interrupts what follows."""
        self._restore()
        if self.requested:
            raise KeyboardInterrupt

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Restore the handlers."""
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
