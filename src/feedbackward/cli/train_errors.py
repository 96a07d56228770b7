"""Errors of `feedbackward fit` with the options of `feedbackward train`, whose user has typed those."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from feedbackward.errors import InputError

OPTIONS = {
    r"seed_everything": "--seed",
    r"(?:(?:data\.)?longest_side|data\.size|^size(?= is ))": "--size",
    r"data\.cache": "--cache",
    r"(?:data\.)?batch_size": "--batch-size",
    r"(?:trainer\.)?max_epochs": "--epochs",
    r"trainer(?=:)": "--device",
    r"model\.optimizer\.lr": "--lr",
    r"model\.name": "--encoder",
    r"(?:model\.)?encoder_weights": "--weights",
    r"(?:model\.)?freeze_encoder": "--freeze-encoder",
    r"(?:model\.)?start_from": "--from",
    r"run_dir": "--output",
}
"""The options of train, by what messages call those of fit: with or without their group and dashes."""


@contextmanager
def naming_options_of_train() -> Iterator[None]:
    """Raise the InputErrors of a training with the options of train in their messages."""
    try:
        yield
    except InputError as error:
        raise InputError(in_options_of_train(str(error))) from error


def in_options_of_train(message: str) -> str:
    """A message of `feedbackward fit` for a user of `feedbackward train`.

    Example:
        >>> in_options_of_train("seed_everything is -1; expected 0 or more, or omit --model.optimizer.lr")
        '--seed is -1; expected 0 or more, or omit --lr'
    """
    for name, option in OPTIONS.items():
        message = re.sub(rf"(?<![\w./-])(?:--)?{name}(?![\w/-]|\.\w)", option, message)
    return message
