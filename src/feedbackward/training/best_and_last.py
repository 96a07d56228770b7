"""Saves best.ckpt and last.ckpt, so that a training that is killed goes on as if it had not been.

Lightning's ModelCheckpoint stores the best score by absolute path: resumed in a folder that was moved, it loses the
score and overwrites the best checkpoint. Here the history, which is part of the checkpoint, decides.
"""

import shutil
import time
from enum import IntEnum
from pathlib import Path
from typing import IO, Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_only

from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.training.history import History
from feedbackward.training.interruption import Interruption
from feedbackward.training.not_finite import NotFiniteError, all_finite
from feedbackward.training.run_folder import RunFolder

BEFORE_VALIDATION = 60
"""A validation, which may take long, starts with a checkpoint that is at most so many seconds old."""


class Action(IntEnum):
    """What a process is to do after a step; all do the most urgent one."""

    GO_ON, SAVE, STOP = range(3)


class BestAndLast(Checkpoint):
    """Saves the epoch with the highest validation mean IoU as best.ckpt, and the last state as last.ckpt.

    last.ckpt is written at the end of every epoch, after a step if it is older than `minutes`, and when the training is
    interrupted; best.ckpt is a copy of it. Weights that are not finite are not saved.

    Args:
        folder: The run folder.
        history: Determines the best epoch; its callback must run before this one.
        interruption: Says that the training is to end.
        minutes: The age of last.ckpt, in minutes, after which it is written within an epoch; 0 for every step.
    """

    def __init__(self, folder: RunFolder, history: History, interruption: Interruption, *, minutes: float) -> None:
        self.folder = folder
        self.history = history
        self.interruption = interruption
        self.seconds = 60 * minutes
        self._saved = time.monotonic()
        self._before_validation = False
        self._random: dict[str, torch.Tensor] = {}
        self._most_steps = -1

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Hide max_steps until the training starts: with it Lightning resumes a finished epoch as an unfinished one."""
        self._most_steps = trainer.max_steps
        trainer.fit_loop.epoch_loop.max_steps = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Restore the state of the random numbers, which dropout and the like draw."""
        trainer.fit_loop.epoch_loop.max_steps = self._most_steps
        self._saved = time.monotonic()
        if "cpu" in self._random:
            torch.set_rng_state(self._random["cpu"])
        if "cuda" in self._random and torch.cuda.is_available():
            torch.cuda.set_rng_state(self._random["cuda"])

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Save after a step, if it is time or the training is to end; the end of an epoch has its own checkpoint."""
        last = batch_idx + 1 == trainer.num_training_batches
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not last:
            return  # gradients that were accumulated are not part of a checkpoint
        fetcher = trainer.fit_loop._data_fetcher
        assert fetcher is not None
        validates = trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)
        if last and not validates:
            return
        action = self._agree(trainer, self._next_action(BEFORE_VALIDATION if validates else self.seconds))
        if action >= Action.SAVE:
            self._before_validation = validates
            self._save_last(trainer, pl_module)
            self._before_validation = False
        if action == Action.STOP:
            raise KeyboardInterrupt

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save from all processes together; each file is replaced atomically."""
        self._save_last(trainer, pl_module)
        best = self.history.best
        if best is not None and best["epoch"] == trainer.current_epoch + 1:
            copy_checkpoint(self.folder.last, self.folder.best)
        if self._agree(trainer, self._next_action(self.seconds)) == Action.STOP:
            raise KeyboardInterrupt

    def _next_action(self, seconds: float) -> Action:
        if self.interruption.requested:
            return Action.STOP
        return Action.SAVE if time.monotonic() - self._saved >= min(seconds, self.seconds) else Action.GO_ON

    def _agree(self, trainer: pl.Trainer, action: Action) -> Action:
        if trainer.world_size == 1:
            return action
        most: Any = trainer.strategy.reduce(torch.tensor(action, device=trainer.strategy.root_device), reduce_op="max")
        return Action(int(most))

    def _save_last(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not all_finite(pl_module.state_dict().values()):
            raise NotFiniteError(
                f"the weights are not finite in epoch {trainer.current_epoch + 1} and were not saved; lower the "
                f"learning rate",
                None,
            )
        trainer.save_checkpoint(self.folder.last)
        self._saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The state of the random numbers."""
        random = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            random["cuda"] = torch.cuda.get_rng_state()
        return {"random": random}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of the random numbers, for the start of the training."""
        self._random = state_dict["random"]

    def on_save_checkpoint(
        self,
        trainer: pl.Trainer,  # noqa: ARG002
        pl_module: pl.LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        """Let a checkpoint from before a validation go on with it, for which Lightning has no state of its own.

        It takes the training batch as finished, and the validation as interrupted in its first batch.
        """
        if not self._before_validation:
            return
        loops = checkpoint["loops"]["fit_loop"]
        for counts in ("total", "current"):
            batches = loops["epoch_loop.batch_progress"][counts]
            batches["completed"] = batches["processed"]
            loops["epoch_loop.val_loop.batch_progress"][counts] |= {
                "ready": 1,
                "started": 1,
                "processed": 0,
                "completed": 0,
            }

    def on_load_checkpoint(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,  # noqa: ARG002
        checkpoint: dict[str, Any],
    ) -> None:
        """Count the batches of the epoch anew, if there are more or fewer processes now, or batches are larger."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, SegmentationDataModule)
        images = checkpoint[type(data).__qualname__]["images"]
        if images:
            batches = min(data.whole_batches(images, trainer.world_size), data.training_batches(trainer.world_size))
            current = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
            current |= {name: count + batches - current["processed"] for name, count in current.items()}


def restore_best(folder: RunFolder, source: Path, epoch: int) -> None:
    """Put the checkpoint of the best epoch into the folder of a training that is resumed, if it is not there.

    It is missing if the training was killed before it was copied, or if that of another folder is continued.

    Args:
        folder: The run folder.
        source: The checkpoint from which the training is resumed.
        epoch: The best epoch so far.

    Raises:
        InputError: If neither the source nor what lies beside it is that checkpoint.
    """
    target = folder.best
    found = next((path for path in (target, source, source.with_name("best.ckpt")) if _ends(path, epoch)), None)
    if found is None:
        raise InputError(
            f"{source} cannot be resumed: its best epoch so far is {epoch}, and there is no best.ckpt of that epoch "
            f"beside it; copy it there"
        )
    if found != target:
        copy_checkpoint(found, target)


def _ends(path: Path, epoch: int) -> bool:
    """Whether a file is the checkpoint of the end of an epoch."""
    if not path.is_file():
        return False
    checkpoint = read_checkpoint(path)
    finished = len(checkpoint["callbacks"]["History"]["epochs"])
    return finished == epoch == int(checkpoint["epoch"]) + 1


@rank_zero_only
def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a file, so that the target is always a whole one.

    Raises:
        InputError: If it cannot be written.
    """

    def save(file: IO[bytes]) -> None:
        with source.open("rb") as content:
            shutil.copyfileobj(content, file)

    write_whole(target, save, durable=True)
