"""Checks of the arguments of `feedbackward fit | validate | test` before any work is done."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import torch
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Timer
from torch import nn
from torch.func import functional_call

from feedbackward.data.datamodule import STAGE_SPLITS, Item, SegmentationDataModule
from feedbackward.data.sampler import SeededItems
from feedbackward.errors import InputError, nearest, one_line
from feedbackward.exporting import ExportedNetwork, load_exported
from feedbackward.training.parameter_groups import parameter_groups
from feedbackward.training.task import SegmentationTask

MONITORED = (
    "train/loss",
    "val/loss",
    "val/mean_iou",
    "val/mean_dice",
    "val/pixel_accuracy",
    "val/mean_precision",
    "val/mean_accuracy",
    "val/iiou_class",
    "val/iou_category",
    "val/iiou_category",
)
"""What a training logs; the last three with Cityscapes' scores only."""
PRECISIONS = ("32-true", "32", "16-mixed", "16", "bf16-mixed", "bf16")
"""Of the Trainer: weights are float32, so that the optimizer and the losses are exact enough."""
_IMAGE_OPTION = re.compile(r"--data\.(init_args\.)?(size|scale|longest_side|shortest_side|value_range)(=.*)?")


@contextmanager
def explaining_trainer() -> Iterator[None]:
    """Turn errors of Lightning about the settings of its Trainer, such as its devices, into InputErrors."""
    try:
        yield
    except InputError:
        raise
    except (MisconfigurationException, ValueError, TypeError, RuntimeError, ImportError) as error:
        raise InputError(f"--trainer: {one_line(error).removesuffix('.')}; correct that option") from error


def check_early_stopping(options: Namespace) -> None:
    """Check that early stopping follows what is logged, which Lightning finds out after the first epoch.

    Args:
        options: The arguments of EarlyStopping.

    Raises:
        InputError: If it follows something else, or its patience is negative.
    """
    if options.monitor not in MONITORED:
        raise InputError(f"early_stopping.monitor is {options.monitor!r}; {nearest(options.monitor, MONITORED)}")
    if options.patience < 0:
        raise InputError(f"early_stopping.patience is {options.patience}; expected a number of epochs, 0 or more")


def check_seed(seed: bool | int) -> None:
    """Check that all libraries take a seed.

    Raises:
        InputError: If one does not.
    """
    if not 0 <= seed < 1 << 32:
        raise InputError(f"seed_everything is {seed}; expected 0 to {(1 << 32) - 1}")


def check_trainer(trainer: Namespace) -> None:
    """Check what Lightning accepts although nothing would come of it, or an error in the first epoch.

    Args:
        trainer: The arguments of the Trainer.

    Raises:
        InputError: If nothing would be trained, or in a type or a process that does not suit the networks.
    """
    for name in ("max_epochs", "max_steps"):  # -1 is without an end
        if trainer[name] == 0:
            raise InputError(f"trainer.{name} is 0: nothing is trained; expected at least 1, or leave it out")
    for name in ("limit_train_batches", "check_val_every_n_epoch", "accumulate_grad_batches", "gradient_clip_val"):
        if trainer[name] is not None and trainer[name] <= 0:
            raise InputError(f"trainer.{name} is {trainer[name]}; expected more than 0, or leave it out")
    try:
        Timer(trainer.max_time)
    except (MisconfigurationException, TypeError) as error:
        raise InputError(
            f"trainer.max_time is {trainer.max_time!r}; expected days, hours, minutes and seconds, such as 00:12:00:00"
        ) from error
    if trainer.precision is not None and str(trainer.precision) not in PRECISIONS:
        raise InputError(f"trainer.precision is {trainer.precision}; expected one of {', '.join(PRECISIONS)}")
    if isinstance(trainer.strategy, str) and re.search("spawn|fork|notebook", trainer.strategy):
        raise InputError(
            f"trainer.strategy is {trainer.strategy}, which trains in processes whose results are lost; expected auto "
            f"or ddp"
        )


def check_validation(trainer: Namespace) -> None:
    """Check that the last weights will be scored: best.ckpt and the report need the scores.

    Args:
        trainer: The arguments of the Trainer.

    Raises:
        InputError: If validation is disabled, or is not due after the last epoch.
    """
    if trainer.limit_val_batches == 0:
        raise InputError(
            "trainer.limit_val_batches is 0: without validation there is no best network and no report; leave it out"
        )
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every and epochs and epochs > 0 and epochs % every:
        raise InputError(
            f"trainer.check_val_every_n_epoch is {every} and trainer.max_epochs {epochs}: the last weights would never "
            f"be scored; set --trainer.max_epochs {-(-epochs // every) * every} or --trainer.check_val_every_n_epoch 1"
        )


def check_scored_part(trainer: Namespace, command: str) -> None:
    """Check that `validate` or `test` scores at least one batch.

    Args:
        trainer: The arguments of the Trainer.
        command: "validate" or "test".

    Raises:
        InputError: If it scores none.
    """
    (split,) = STAGE_SPLITS[command]
    if trainer[f"limit_{split}_batches"] == 0:
        raise InputError(
            f"trainer.limit_{split}_batches is 0: nothing is scored; expected more than 0, or leave it out for all "
            f"images"
        )


def check_shares(options: Namespace, data: SegmentationDataModule, processes: int) -> None:
    """Check that the share of the batches that a training and its validation use is at least one batch.

    Args:
        options: The arguments of the Trainer.
        data: The data set, set up for training.
        processes: The number of processes.

    Raises:
        InputError: If it is less.
    """
    batches = {"train": data.training_batches(processes), "val": len(data.val_dataloader()) // processes}
    for split, count in batches.items():
        name = "overfit_batches" if options.overfit_batches else f"limit_{split}_batches"
        share = options[name]
        if isinstance(share, float) and share * count < 1 <= count:
            raise InputError(
                f"trainer.{name} is {share} of {count} batch{'es' if count > 1 else ''}, less than one; expected a "
                f"larger share, or a whole number of batches"
            )


def check_validation_interval(trainer: pl.Trainer, interval: Any, data: SegmentationDataModule) -> None:
    """Check that the weights at the end of an epoch, which are saved, are those that its last validation scores.

    Args:
        trainer: The trainer.
        interval: Its option val_check_interval.
        data: The data set, set up for training.

    Raises:
        InputError: If the epoch goes on after it.
    """
    if interval is None:
        return
    batches, limit = data.training_batches(trainer.world_size), trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    every = max(1, int(batches * interval)) if isinstance(interval, float) else interval
    ends = isinstance(every, int) and every > 0 and batches % every == 0  # a string is a duration
    if trainer.check_val_every_n_epoch is None and isinstance(every, int):  # batches are counted over several epochs
        ends = ends or every % batches == 0
    if not ends:
        raise InputError(
            f"trainer.val_check_interval is {interval} and an epoch has {batches} batches: the weights at its end, "
            f"which are saved, would not be those that are scored; leave it out, or choose one that divides the "
            f"batches evenly"
        )


def check_resumable(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Check that a checkpoint has the records of a training that the report of a resumed one needs.

    Args:
        checkpoint: The checkpoint.
        path: Its path, for the message.

    Raises:
        InputError: If it has none.
    """
    callbacks = checkpoint.get("callbacks", {})
    records = callbacks.get("RunResults", {}).get("sessions") and "unfinished" in callbacks.get("History", {})
    if not (records and "training" in checkpoint["feedbackward"]):
        raise InputError(
            f"{path} cannot be resumed: it lacks the records of its epochs, as another version of feedbackward wrote "
            f"it; start a new training from its network: --model.start_from {path}"
        )


def check_optimizer(task: SegmentationTask) -> None:
    """Check that the optimizer and its schedule take their options, which they get when the training starts.

    Raises:
        InputError: If they do not, the learning rate is not finite, or those of the parts do not suit the network.
    """
    parameter_groups(task.network, task.rates, decay_norms=task.decay_norms)
    try:
        optimizer = task.optimizer([nn.Parameter(torch.zeros(1))])
        rate = optimizer.param_groups[0]["lr"]
        if task.scheduler is not None:
            task.scheduler(optimizer)
    except (ValueError, TypeError) as error:
        raise InputError(f"model.optimizer or model.scheduler: {one_line(error)}; correct that option") from error
    if not math.isfinite(rate):
        raise InputError(f"model.optimizer.lr is {rate}; expected a finite number")


def check_first_batch(network: nn.Module, data: SegmentationDataModule) -> None:
    """Check that the network can train on a batch of one image, where the data set has such batches.

    Args:
        network: The network, which is not changed.
        data: The data set, set up for training.

    Raises:
        InputError: If the image is too small for the network's batch norms.
    """
    loader = data.train_dataloader()
    items = cast(SeededItems[Item], loader.dataset)
    if min(data.batch_size, len(items)) > 1:
        return
    statistics = {name: buffer.clone() for name, buffer in network.named_buffers()}
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        functional_call(network, statistics, (items[0]["image"][None],))


def take_exported(args: list[str]) -> tuple[list[str], ExportedNetwork | None]:
    """Take --model FILE out of the arguments and load that exported file.

    Args:
        args: The arguments after the command.

    Returns:
        The other arguments, and the network in the file; None without --model.

    Raises:
        InputError: If the file cannot be loaded, or --ckpt_path is given too.
    """
    for index, arg in enumerate(args):
        option, equals, value = arg.partition("=")
        if option == "--model":
            rest = args[:index] + args[index + (1 if equals else 2) :]
            if any(other.partition("=")[0] == "--ckpt_path" for other in rest):
                raise InputError("--model names an exported file and --ckpt_path a checkpoint; give one of them")
            return rest, load_exported(value if equals else "".join(args[index + 1 : index + 2]))
    return args, None


def image_options(args: Sequence[str]) -> list[str]:
    """The options among the arguments that say how images are read or resized."""
    return [arg.partition("=")[0] for arg in args if _IMAGE_OPTION.fullmatch(arg)]


def input_error(error: BaseException | None) -> InputError | None:
    """The error itself or the one that it was raised from, if that is an InputError."""
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return error
