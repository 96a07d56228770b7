"""The description of a network in config.json, checkpoints and adapters: data, checked before anything is built."""

import inspect
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError, listed
from feedbackward.models.builders import NETWORKS
from feedbackward.models.network import FORMAT

_GIVEN_AT_LOADING = {"encoder", "encoder_weights", "preprocessing"}
"""Arguments of networks that no description contains: a file must not name another one to be opened."""
_NOT_OPTIONS = {"model", "format", "preprocessing", "class_table", "origin"}


def network_options(description: Any, *, source: Path) -> dict[str, Any]:
    """The options of a described network, without those in _NOT_OPTIONS.

    Args:
        description: What SegmentationNetwork.describe() has returned, as plain JSON data.
        source: The file that it was read from, for messages.

    Raises:
        InputError: If it does not describe a network, has the format of another version, or options that its network
            does not have, or lacks some.
    """
    if not isinstance(description, dict) or description.get("model") not in list(NETWORKS):
        raise InputError(
            f"{source} does not describe a network of this library; give one that save_pretrained or "
            f"`feedbackward fit` has written"
        )
    check_format(description.get("format", 1), source=source)
    # Not the signature of the class: Python 3.10 takes that of the hub mixin's __new__ for a class without an __init__.
    parameters = inspect.signature(NETWORKS[description["model"]].__init__).parameters.values()
    named = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    takes_others = len(named) < len(parameters)  # a network with **options checks these itself
    expected = named - {"self", *_GIVEN_AT_LOADING}
    found = description.keys() - _NOT_OPTIONS
    if unknown := sorted(found & _GIVEN_AT_LOADING if takes_others else found - expected):
        raise InputError(
            f"{source}: a {description['model']} network has no {listed(unknown, most=3)}; expected "
            f"{listed(sorted(expected))}: restore the file as it was saved"
        )
    if missing := sorted(expected - found):
        raise InputError(f"{source}: {listed(missing)} missing; restore the file as it was saved")
    return {name: description[name] for name in sorted(found)}


def check_format(found: object, *, source: Path) -> None:
    """Refuse a file whose description of a network has the format of another version.

    Raises:
        InputError: If the format is that of another version.
    """
    if not isinstance(found, int) or found != FORMAT:
        raise InputError(
            f"{source} has format {found}, and this version of feedbackward reads format {FORMAT}; train the network "
            f"again, or use the version that wrote it"
        )
