"""Checks of the arguments of `feedbackward fit | validate | test` before any work is done."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import torch
from jsonargparse import Namespace
from torch import nn
from torch.func import functional_call

from feedbackward.data.datamodule import Item, SegmentationDataModule
from feedbackward.data.sampler import SeededItems
from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork, load_exported

_IMAGE_OPTION = re.compile(r"--data\.(init_args\.)?(size|scale|longest_side|shortest_side|value_range)(=.*)?")


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
    if not (callbacks.get("RunResults", {}).get("sessions") and callbacks.get("History", {}).get("epochs")):
        raise InputError(
            f"{path} cannot be resumed: it lacks the records of its epochs, as another version of feedbackward wrote "
            f"it; start a new training from its network: --model.start_from {path}"
        )


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
