"""Loading networks that save_pretrained has written, from a folder or from the Hugging Face hub."""

import json
import os
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import nn

from feedbackward.classes import ClassTable
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError, listed, one_line
from feedbackward.models.builders import NETWORKS, build_feedbackward
from feedbackward.models.continued import with_classes
from feedbackward.models.encoder import NoWeightsError
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import CONFIG_FILE, FORMAT, WEIGHTS_FILE, SegmentationNetwork
from feedbackward.preprocessing import Preprocessing

HUB_OPTIONS = ("revision", "cache_dir", "force_download", "local_files_only", "token")


def from_pretrained(
    source: str | os.PathLike[str],
    *,
    classes: int | ClassTable | None = None,
    encoder: nn.Module | None = None,
    **hub: Any,
) -> SegmentationNetwork:
    """Load a network that save_pretrained has written, from a folder or from the hub.

    Args:
        source: A folder with config.json and model.safetensors, or the id of such a repository on the hub.
        classes: Other classes, to train on: a number of them or a class table; see with_classes.
        encoder: The encoder of a network that was built on a module of your own; its weights are replaced.
        hub: revision, cache_dir, token, local_files_only or force_download, passed to the hub.

    Returns:
        The network in evaluation mode, with its class table if it was saved with one.

    Raises:
        InputError: If there is no such network, its files are damaged or belong to another version or library, or an
            option is given that the network determines itself.
    """
    if unknown := sorted(hub.keys() - {*HUB_OPTIONS}):
        given = ", ".join(f"{option}={hub[option]!r}" for option in unknown)
        raise InputError(
            f"from_pretrained has no {listed(unknown)}: of {str(source)!r} only the classes can change; for a new "
            f"network on its encoder: create_model(..., encoder_weights={str(source)!r}, {given})"
        )
    folder = Path(source)
    if folder.is_dir() and hub.get("revision"):
        raise InputError(f"revision={hub['revision']!r}: {str(source)!r} is a local folder, which has none; omit it")
    if not folder.is_dir():
        folder = _download(str(source), hub)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise InputError(f"{folder} contains no {name}; give a folder that save_pretrained has written")
    try:
        description = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{folder / CONFIG_FILE} is not JSON: {error}") from error
    network = build_described(description, source=folder / CONFIG_FILE, encoder=encoder)
    try:
        load_model(network, folder / WEIGHTS_FILE, strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise InputError(
            f"{folder / WEIGHTS_FILE} does not contain the tensors of the network that {CONFIG_FILE} describes: "
            f"{one_line(error)}"
        ) from error
    network.eval()
    return network if classes is None else with_classes(network, classes)


def build_described(
    description: Any,
    *,
    source: Path,
    encoder: nn.Module | None = None,
    encoder_weights: str | os.PathLike[str] | None = None,
) -> SegmentationNetwork:
    """Build the network that SegmentationNetwork.describe() has described, with random weights.

    Args:
        description: Plain JSON data.
        source: The file that it was read from, for messages.
        encoder: The encoder, for a network that was built on a module of your own.
        encoder_weights: The weights of the encoder, for a feedbackward network; see create_model.

    Raises:
        InputError: If it does not describe a network, or has the format of another version.
    """
    if not isinstance(description, dict) or description.get("model") not in list(NETWORKS):
        raise InputError(
            f"{source} does not describe a network of this library; give one that save_pretrained or "
            f"`feedbackward fit` has written"
        )
    config = dict(description)
    check_format(config.pop("format", 1), source=source)
    table, preprocessing = config.pop("class_table", None), config.pop("preprocessing", None)
    try:
        if encoder_weights is None:
            network = NETWORKS[config["model"]].from_config(config, encoder=encoder)
        else:
            network = _on_backbone(config, encoder_weights)
        network.preprocessing = Preprocessing.from_dict(preprocessing)
        network.class_table = None if table is None else ClassTable.from_dict(table)
        _check_counts(network)
    except NoWeightsError:
        raise
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source} does not describe a network of this library: {error!r}") from error
    return network


def _on_backbone(config: dict[str, Any], encoder_weights: str | os.PathLike[str]) -> SegmentationNetwork:
    """The feedbackward network of a configuration, with these weights of its encoder."""
    options = {key: value for key, value in config.items() if key != "model"}
    options["decoder"] = DecoderConfig.from_dict(options["decoder"])
    kind = NETWORKS[config["model"]]
    if not issubclass(kind, Feedbackward):
        raise InputError(f"its network is a {config['model']}, which has no backbone")
    return build_feedbackward(**options, encoder_weights=encoder_weights, network=kind)


def _check_counts(network: SegmentationNetwork) -> None:
    """Refuse a preprocessing and a class table that do not suit the network."""
    channels, table = network.config.get("in_channels", 3), network.class_table
    if network.preprocessing.in_channels != channels:
        raise InputError(
            f"the preprocessing is for {network.preprocessing.in_channels} channels, and the network takes {channels}"
        )
    if table is not None and table.logits != network.classes:
        kind = "overlapping classes, which need two logits each" if table.overlapping else "classes"
        raise InputError(f"the class table names {len(table)} {kind}, and the network has {network.classes}")


def check_format(found: object, *, source: Path) -> None:
    """Refuse a file whose description of a network has the format of another version.

    Raises:
        InputError: If the format is that of another version.
    """
    if found != FORMAT:
        raise InputError(
            f"{source} has format {found}, and this version of feedbackward reads format {FORMAT}; train the network "
            f"again, or use the version that wrote it"
        )


def _download(repository: str, hub: dict[str, Any]) -> Path:
    try:
        return Path(snapshot_download(repository, **hub))
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise InputError(
            f"{repository!r} is neither a local folder nor a repository that the hub could provide ({error}); "
            f"give a folder that save_pretrained has written, or the id of a repository on the hub"
        ) from error
