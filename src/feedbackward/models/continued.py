"""Networks that start from a trained one, with its classes or others."""

from typing import Any

import torch
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed
from feedbackward.models.builders import NETWORKS
from feedbackward.models.network import SegmentationNetwork

OWN_OPTIONS = ("classes", "freeze_encoder", "preprocessing")
"""The options in which a network may differ from the one that it starts from."""


def with_classes(network: SegmentationNetwork, classes: int | ClassTable) -> SegmentationNetwork:
    """A network with other classes and the weights of a trained one.

    Args:
        network: A trained network; it is not changed.
        classes: The new classes. With a table a class keeps the weights of the classifier if the network has one of
            its name, and the classes of both or of neither overlap; with a number none does.

    Returns:
        A new network with equal weights elsewhere, in evaluation mode, with the class table if one is given; for the
        number of classes that the network has, the network itself.

    Raises:
        InputError: If there are no classes, the network's classes overlap and a number is given, or the encoder is a
            module of your own.
    """
    table = classes if isinstance(classes, ClassTable) else None
    count = classes.logits if isinstance(classes, ClassTable) else classes
    if table is None and network.tasks:
        raise InputError(f"classes={classes}: the classes of the network overlap; give a class table")
    if table is None and count == network.classes:
        return network
    config = {key: value for key, value in network.config.items() if key != "preprocessing"}
    if config.get("encoder_name", "") is None:
        raise InputError("the encoder is a module of your own; build the network with the other number of classes")
    built = NETWORKS[config["model"]].from_config({**config, "classes": count})
    built.preprocessing, built.class_table = network.preprocessing, table
    take_weights(built, network)
    return built.eval()


def take_weights(network: SegmentationNetwork, source: SegmentationNetwork) -> list[str]:
    """Give a network the weights of a trained one.

    Rows of the classifier are taken for the classes whose names agree, unless only those of one network overlap; the
    others keep what they have.

    Args:
        network: The network to fill; its classes may be others.
        source: The trained network.

    Returns:
        The names of the classes whose rows were taken.

    Raises:
        InputError: If they are networks of different options.
    """
    ours, theirs = network.config, source.config
    if differing := sorted(
        key for key in ours.keys() | theirs.keys() if key not in OWN_OPTIONS and ours.get(key) != theirs.get(key)
    ):
        raise InputError(
            "the network to start from has other options: "
            + listed(f"{key} {theirs.get(key)!r} where {ours.get(key)!r} was asked for" for key in differing)
        )
    network.origin = source.origin
    known = _known_classes(network, source)
    per_class = 1 if network.class_table is None else network.class_table.logits // len(network.class_table)
    rows = [(per_class * own + row, per_class * their + row) for own, their in known for row in range(per_class)]
    state, taken = network.state_dict(), source.state_dict()
    axes = _class_axes(source)
    own, their = torch.tensor(rows, dtype=torch.long).reshape(-1, 2).unbind(1)
    for name, tensor in state.items():
        if name in axes:
            tensor[_at(own, axes[name])] = taken[name][_at(their, axes[name])]
        else:
            tensor.copy_(taken[name])
    names = network.class_table.names if network.class_table is not None else ()
    return [names[own] for own, _ in known]


def _known_classes(network: SegmentationNetwork, source: SegmentationNetwork) -> list[tuple[int, int]]:
    """The indices of each class that both have, in the network and in the source."""
    ours, theirs = network.class_table, source.class_table
    if ours is None or theirs is None or ours.overlapping != theirs.overlapping:
        return []
    return [(own, theirs.names.index(name)) for own, name in enumerate(ours.names) if name in theirs.names]


def _class_axes(network: SegmentationNetwork) -> dict[str, int]:
    """The tensors whose shape depends on the number of classes, with the number of their leading axes that it sets."""
    config: dict[str, Any] = {key: value for key, value in network.config.items() if key != "preprocessing"}
    with torch.device("meta"):
        other = NETWORKS[config["model"]].from_config({**config, "classes": config["classes"] + 1}).state_dict()
    return {
        name: sum(a != b for a, b in zip(tensor.shape, other[name].shape, strict=True))
        for name, tensor in network.state_dict().items()
        if tensor.shape != other[name].shape
    }


def _at(classes: Tensor, axes: int) -> tuple[Tensor, ...]:
    """The index of these classes on each of the leading axes."""
    return tuple(classes.reshape(-1, *[1] * (axes - 1 - axis)) for axis in range(axes))
