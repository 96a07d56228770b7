"""Reading training checkpoints safely, and refusing those that do not fit.

Nothing stored in a file is ever executed: torch.load reads tensors and plain data alone.
"""

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from feedbackward.data.classes import ClassTable
from feedbackward.errors import InputError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a training checkpoint to the CPU.

    Raises:
        InputError: If the file is missing, is damaged, holds code, or is not a checkpoint of feedbackward.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the path of a .ckpt file that `feedbackward fit` wrote")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, BadZipFile, KeyError) as error:
        raise InputError(
            f"{path} cannot be read as a checkpoint: it is damaged, incomplete, or holds more than tensors "
            f"and plain data; give a .ckpt file that `feedbackward fit` wrote"
        ) from error
    require_feedbackward(checkpoint, source=str(path))
    return dict(checkpoint)


def require_feedbackward(checkpoint: Any, *, source: str) -> None:
    """Raise an InputError unless the checkpoint was written by `feedbackward fit`."""
    if not isinstance(checkpoint, dict) or "feedbackward" not in checkpoint:
        raise InputError(f"{source} holds no feedbackward training; give a .ckpt file that `feedbackward fit` wrote")


def check_checkpoint(checkpoint: dict[str, Any], *, config: dict[str, Any], class_table: ClassTable) -> None:
    """Check that a checkpoint was made with these classes and this network.

    Args:
        checkpoint: What read_checkpoint gave.
        config: The config of the network that is to take the tensors.
        class_table: The classes of the data.

    Raises:
        InputError: If the classes or the networks differ; the message shows both.
    """
    require_feedbackward(checkpoint, source="the checkpoint")
    saved = ClassTable.from_dict(checkpoint["feedbackward"]["class_table"])
    if saved.names != class_table.names:
        raise InputError(
            f"the checkpoint was trained on {len(saved)} classes ({', '.join(saved.names)}), but the data "
            f"has {len(class_table)} ({', '.join(class_table.names)}); use the data of its training"
        )
    saved_config = checkpoint["feedbackward"]["config"]
    # A value that JSON would turn from tuple to list is the same value.
    differences = [
        f"{key}: {saved_config.get(key)!r} in the checkpoint, {config.get(key)!r} here"
        for key in sorted({*saved_config, *config})
        if _plain(saved_config.get(key)) != _plain(config.get(key))
    ]
    if differences:
        raise InputError(
            f"the checkpoint holds another network ({'; '.join(differences)}); use the recipe of its training"
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
