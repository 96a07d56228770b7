"""Loading networks that save_pretrained has written, from a folder or from the Hugging Face hub."""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError, listed, one_line
from feedbackward.hub_files import ADAPTER_FILE, CONFIG_FILE, WEIGHTS_FILE, fetch
from feedbackward.models.builders import NETWORKS, build_feedbackward
from feedbackward.models.continued import with_classes
from feedbackward.models.description import network_options
from feedbackward.models.encoder import NoWeightsError
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.network import SegmentationNetwork
from feedbackward.models.origin import Origin
from feedbackward.models.safetensors_file import read_header, read_tensors_of
from feedbackward.models.tensors import first, mismatches
from feedbackward.preprocessing import Preprocessing
from feedbackward.text_files import read_json

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
        source: A folder with config.json and model.safetensors, or the id of such a repository on the hub: OWNER/NAME
            or OWNER/NAME@REVISION, where a revision is a branch, a tag or a commit.
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
        folder = fetch(str(source), **hub)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            if (folder / ADAPTER_FILE).is_file():
                raise InputError(f"{str(source)!r} is an adapter, not a whole network; load it with fb.load_adapter")
            raise InputError(f"{folder} contains no {name}; give a folder that save_pretrained has written")
    config, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    description = read_json(config, expected="the configuration of a network")
    network = build_filled(
        description,
        read_header(weights),
        lambda: read_tensors_of(weights),
        source=config,
        weights=weights,
        encoder=encoder,
    )
    network.eval()
    return network if classes is None else with_classes(network, classes)


def build_filled(
    description: Any,
    declared: Mapping[str, Tensor],
    read: Callable[[], Mapping[str, Tensor]],
    *,
    source: Path,
    weights: Path,
    encoder: nn.Module | None = None,
) -> SegmentationNetwork:
    """Build the network of a description with the tensors of a file, and take no memory until they fit.

    Args:
        description: As in build_described.
        declared: The tensors of the file by name; those of a header have no data.
        read: Reads them.
        source: The file of the description, for messages.
        weights: The file of the tensors, for messages.
        encoder: The encoder, for a network that was built on a module of your own.

    Raises:
        InputError: As build_described, or if the tensors have other names, shapes or types than the network's.
    """
    with nullcontext() if encoder is not None else torch.device("meta"):
        network = build_described(description, source=source, encoder=encoder)
    expected = network.state_dict()
    problems = mismatches(expected, declared)
    if unexpected := declared.keys() - expected.keys():
        problems.append(f"{len(unexpected)} unexpected ({first(unexpected)})")
    if problems:
        raise InputError(
            f"{weights} does not contain the tensors of the network that {source.name} describes: "
            f"{', '.join(problems)}; it may be damaged, or come from another version of feedbackward"
        )
    if encoder is None and not _is_all_state(network):
        network = build_described(description, source=source)
        network.load_state_dict(dict(read()))
        return network
    tensors = {
        name: tensor.to(expected[name].dtype, memory_format=torch.contiguous_format, copy=True)
        for name, tensor in read().items()
    }
    network.load_state_dict(tensors, assign=encoder is None)
    return network


def _is_all_state(network: SegmentationNetwork) -> bool:
    """Whether all tensors of a network are in its state dict, each once; otherwise some are computed as it is built."""
    state = [id(tensor) for tensor in network.state_dict(keep_vars=True).values()]
    own = [
        id(value)
        for module in network.modules()
        for values in (vars(module), module._parameters, module._buffers)
        for value in values.values()
        if isinstance(value, Tensor)
    ]
    return sorted(own) == sorted(state)


def build_described(
    description: Any,
    *,
    source: Path,
    encoder: nn.Module | None = None,
    encoder_weights: str | os.PathLike[str] | None = None,
    check: Callable[[Feedbackward], None] | None = None,
) -> SegmentationNetwork:
    """Build the network that SegmentationNetwork.describe() has described, with random weights.

    Args:
        description: Plain JSON data.
        source: The file that it was read from, for messages.
        encoder: The encoder, for a network that was built on a module of your own.
        encoder_weights: The weights of the encoder, for a feedbackward network; see create_model.
        check: Called with that network on the meta device, before memory is taken for it.

    Raises:
        InputError: If it does not describe a network, or has the format of another version.
    """
    config = network_options(description, source=source)
    table, preprocessing = description.get("class_table"), description.get("preprocessing")
    kind = NETWORKS[description["model"]]
    try:
        if encoder_weights is None:
            network = kind.from_config(config, encoder=encoder)
        else:
            network = _on_backbone(kind, config, encoder_weights, check)
        network.preprocessing = Preprocessing.from_dict(preprocessing)
        network.class_table = None if table is None else ClassTable.from_dict(table)
        network.origin = Origin.from_dict(description.get("origin"))
        _check_counts(network)
    except NoWeightsError:
        raise
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"{source} does not describe a network of this library: {one_line(repr(error))}") from error
    return network


def _on_backbone(
    kind: type[SegmentationNetwork],
    config: dict[str, Any],
    encoder_weights: str | os.PathLike[str],
    check: Callable[[Feedbackward], None] | None,
) -> SegmentationNetwork:
    """The feedbackward network of a configuration, with these weights of its encoder."""
    if not issubclass(kind, Feedbackward):
        raise InputError(f"its network is a {kind.__name__}, which has no backbone")
    options = kind.options_of(config)
    return build_feedbackward(**options, encoder_weights=encoder_weights, network=kind, check=check)


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
