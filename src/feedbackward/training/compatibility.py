"""Refusing a checkpoint of other classes or of another network before a tensor is copied."""

from typing import Any

from feedbackward.classes import ClassTable, check_classes
from feedbackward.errors import InputError


def check_checkpoint(checkpoint: dict[str, Any], *, config: dict[str, Any], class_table: ClassTable) -> None:
    """Check that a checkpoint was made with these classes and this network.

    Args:
        checkpoint: What read_checkpoint gave.
        config: The config of the network that is to take the tensors.
        class_table: The classes of the data.

    Raises:
        InputError: If the classes or the networks differ; the message shows both.
    """
    check_classes(ClassTable.from_dict(checkpoint["feedbackward"]["class_table"]), class_table, of="checkpoint")
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
