"""Checks that a checkpoint fits the classes and the network, before a tensor is copied."""

from typing import Any

from feedbackward.classes import ClassTable, check_classes
from feedbackward.errors import InputError

NOT_THE_NETWORK = ("preprocessing.resize", "preprocessing.value_range")
"""What may differ from the training: the command line says so."""


def check_checkpoint(checkpoint: dict[str, Any], *, config: dict[str, Any], class_table: ClassTable) -> None:
    """Check that a checkpoint was made with these classes and this network, resizing and range of values aside.

    Args:
        checkpoint: Result of read_checkpoint.
        config: The configuration of the network into which the tensors are loaded.
        class_table: The classes of the data.

    Raises:
        InputError: If the classes or the networks differ; the message shows both.
    """
    description = checkpoint["feedbackward"]["network"]
    check_classes(ClassTable.from_dict(description["class_table"]), class_table, of="checkpoint")
    saved = {key: value for key, value in description.items() if key not in ("format", "class_table", "origin")}
    here, there = _flat(config), _flat(saved)
    differences = [
        f"{key}: {there.get(key)!r} in the checkpoint, {here.get(key)!r} here"
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key) and key not in NOT_THE_NETWORK
    ]
    if differences:
        raise InputError(
            f"the checkpoint contains a different network ({'; '.join(differences)}); use the recipe of its training"
        )


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without nesting: the options of a group are named group.option."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= {f"{key}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {key: value}
    return flat
